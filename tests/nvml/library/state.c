/*
 * Environment: NVML_STANDIN_HOST names the fixture. NVML_STANDIN_FAULTS is a list, separated by commas, of
 * NAME[@GPU][+CALLS]=CODE: function NAME (* is any) answers CODE, only for GPU of that index, only after so many calls
 * of it. NVML_STANDIN_CALLS names a file to which each call appends its name.
 */
#include "state.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json *host;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct device *handles;
static int started;

static void tally(const char *function)
{
	const char *path = getenv("NVML_STANDIN_CALLS");
	FILE *file = path && *path ? fopen(path, "a") : NULL;

	if (!file)
		return;
	fprintf(file, "%s\n", function);
	fclose(file);
}

/* How often a function was asked about a GPU, this time included. */
static int asked(const char *function, int index)
{
	static struct count {
		char *function;
		int index, times;
		struct count *next;
	} *counts;
	struct count *one;

	for (one = counts; one; one = one->next)
		if (one->index == index && strcmp(one->function, function) == 0)
			return ++one->times;
	one = calloc(1, sizeof *one);
	if (!one)
		abort();
	*one = (struct count){strdup(function), index, 1, counts};
	counts = one;
	return 1;
}

static enum code fault(const char *function, int index)
{
	const char *asked_for = getenv("NVML_STANDIN_FAULTS");
	char *list = strdup(asked_for ? asked_for : ""), *rest = list, *one;
	int times = asked(function, index), found = SUCCESS;

	while (!found && (one = strsep(&rest, ","))) {
		char *code = strchr(one, '='), *after, *gpu;
		if (!code)
			continue;
		*code++ = '\0';
		if ((after = strchr(one, '+')))
			*after++ = '\0';
		if ((gpu = strchr(one, '@')))
			*gpu++ = '\0';
		if ((strcmp(one, "*") == 0 || strcmp(one, function) == 0) && (!gpu || atoi(gpu) == index) &&
		    (!after || times > atoi(after)))
			found = atoi(code);
	}
	free(list);
	return (enum code)found;
}

enum code enter(const char *function, device_t about)
{
	int index = about && (is(about, GPU) || is(about, MIG_DEVICE) || is(about, GPU_INSTANCE) ||
			      is(about, COMPUTE_INSTANCE)) ? about->index : -1;
	enum code found;

	pthread_mutex_lock(&lock);
	tally(function);
	found = fault(function, index);
	pthread_mutex_unlock(&lock);
	if (found)
		return found;
	return started || strncmp(function, "nvmlInit", 8) == 0 ? SUCCESS : UNINITIALIZED;
}

/* The variable may name another host than it did at the last initialisation; handles of the old one are void then. */
enum code start(void)
{
	static char *loaded;
	const char *path = getenv("NVML_STANDIN_HOST");

	if (path && (!loaded || strcmp(loaded, path) != 0)) {
		handles = NULL;
		host = json_read(path);
		free(loaded);
		loaded = host ? strdup(path) : NULL;
	}
	if (!host)
		return DRIVER_NOT_LOADED;
	started++;
	return SUCCESS;
}

enum code stop(void)
{
	started--;
	return SUCCESS;
}

device_t handle(int kind, int index, struct json *gpu, struct json *instance, struct json *compute)
{
	struct device *one;

	pthread_mutex_lock(&lock);
	for (one = handles; one; one = one->next)
		if ((int)one->kind == kind && one->gpu == gpu && one->instance == instance && one->compute == compute)
			break;
	if (!one) {
		one = calloc(1, sizeof *one);
		if (!one)
			abort();
		*one = (struct device){kind, index, gpu, instance, compute, handles};
		handles = one;
	}
	pthread_mutex_unlock(&lock);
	return one;
}

int is(device_t device, int kind)
{
	for (struct device *one = handles; one; one = one->next)
		if (one == device)
			return (int)one->kind == kind;
	return 0;
}

struct json *gpu_at(long long index)
{
	struct json *gpus = json_get(host, "gpus");

	for (size_t i = 0; i < json_count(gpus); i++)
		if (json_number(gpus->items[i], "index", -1) == index)
			return gpus->items[i];
	return NULL;
}

enum code copy(char *to, unsigned size, const char *from)
{
	if (!to)
		return INVALID_ARGUMENT;
	if (strlen(from) >= size)
		return INSUFFICIENT_SIZE;
	strcpy(to, from);
	return SUCCESS;
}
