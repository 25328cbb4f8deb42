/*
 * What every function of the stand-in needs: the host read from a fixture, the handles given out, faults and the tally.
 * Knows nothing of single NVML functions. Start at `enter`, which each of them calls first.
 */
#ifndef STANDIN_STATE_H
#define STANDIN_STATE_H

#include "json.h"

#define EXPORT __attribute__((visibility("default")))

/* Return codes as in NVIDIA's header. */
enum code {
	SUCCESS = 0,
	UNINITIALIZED = 1,
	INVALID_ARGUMENT = 2,
	NOT_SUPPORTED = 3,
	NOT_FOUND = 6,
	INSUFFICIENT_SIZE = 7,
	DRIVER_NOT_LOADED = 9,
	TIMEOUT = 10,
	GPU_IS_LOST = 15,
	ARGUMENT_VERSION_MISMATCH = 25,
	UNKNOWN = 999,
};

/* What handles point to: a GPU, or a MIG device of it, or a GPU instance, or a compute instance. */
struct device {
	enum { GPU, MIG_DEVICE, GPU_INSTANCE, COMPUTE_INSTANCE } kind;
	int index; /* of the GPU in NVML's order */
	struct json *gpu, *instance, *compute;
	struct device *next;
};
typedef struct device *device_t;

extern struct json *host; /* NULL before initialisation */

/* Tally, then the fault asked for, then UNINITIALIZED, then 0. */
enum code enter(const char *function, device_t about);
#define ENTER(about) \
	do { \
		enum code code_ = enter(__func__, about); \
		if (code_) \
			return code_; \
	} while (0)

enum code start(void);
enum code stop(void);

/* The one handle of a thing; made when first asked for. */
device_t handle(int kind, int index, struct json *gpu, struct json *instance, struct json *compute);

/* Whether a caller's handle is one of ours and of that kind. */
int is(device_t device, int kind);

/* GPU `index`, or NULL. */
struct json *gpu_at(long long index);

/* Text into a caller's buffer, INSUFFICIENT_SIZE where it does not fit. */
enum code copy(char *to, unsigned size, const char *from);

#endif
