/* Multi-instance GPUs: mode, profiles, placements, instances. */
#include "state.h"

#include <stdio.h>
#include <string.h>

#define PROFILES 0x12         /* of GPU instances, in the order of the header */
#define COMPUTE_PROFILES 0x09 /* of compute instances */

struct profile_info {
	unsigned id, p2p, slices, instances, multiprocessors, copy, decoders, encoders, jpeg, ofa;
	unsigned long long memory_mib;
};

struct profile_info_v2 {
	unsigned version, id, p2p, slices, instances, multiprocessors, copy, decoders, encoders, jpeg, ofa;
	unsigned long long memory_mib;
	char name[96];
};

struct placement {
	unsigned start, size;
};

struct instance_info {
	device_t device;
	unsigned id, profile_id;
	struct placement placement;
};

struct compute_info {
	device_t device, instance;
	unsigned id, profile_id;
	struct placement placement;
};

struct compute_profile_v2 {
	unsigned version, id, slices, instances, multiprocessors, copy, decoders, encoders, jpeg, ofa;
	char name[96];
};

_Static_assert(sizeof(struct profile_info) == 48, "v1 of the profile has 48 bytes");
_Static_assert(sizeof(struct profile_info_v2) == 152, "v2 of the profile has 152 bytes");
_Static_assert(sizeof(struct compute_profile_v2) == 136, "v2 of the compute profile has 136 bytes");

static struct json *mode(device_t device)
{
	return json_get(device->gpu, "migMode");
}

static int enabled(device_t device)
{
	return json_number(mode(device), "current", 0) == 1;
}

/* The profile whose member `key` is `value`, among those of the GPU. */
static struct json *profile(device_t device, const char *key, long long value)
{
	struct json *set = json_get(json_get(host, "migProfileSets"), json_text(device->gpu, "migProfileSet"));

	for (size_t i = 0; i < json_count(set); i++)
		if (json_number(set->items[i], key, -1) == value)
			return set->items[i];
	return NULL;
}

static struct placement placed(struct json *instance)
{
	struct json *found = json_get(instance, "placement");
	return (struct placement){(unsigned)json_number(found, "start", 0), (unsigned)json_number(found, "size", 0)};
}

EXPORT enum code nvmlDeviceGetMigMode(device_t device, unsigned *current, unsigned *pending)
{
	ENTER(device);
	if (!current || !pending || !is(device, GPU))
		return INVALID_ARGUMENT;
	if (!mode(device))
		return NOT_SUPPORTED;
	*current = (unsigned)json_number(mode(device), "current", 0);
	*pending = (unsigned)json_number(mode(device), "pending", 0);
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetMaxMigDeviceCount(device_t device, unsigned *count)
{
	ENTER(device);
	if (!count || !is(device, GPU))
		return INVALID_ARGUMENT;
	*count = mode(device) ? (unsigned)json_number(device->gpu, "maxMigDevices", 7) : 0;
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetMigDeviceHandleByIndex(device_t device, unsigned index, device_t *mig)
{
	struct json *instances;

	ENTER(device);
	if (!mig || !is(device, GPU))
		return INVALID_ARGUMENT;
	if (!mode(device))
		return NOT_SUPPORTED;
	if (index >= (unsigned)json_number(device->gpu, "maxMigDevices", 7))
		return INVALID_ARGUMENT;
	instances = enabled(device) ? json_get(device->gpu, "gpuInstances") : NULL;
	for (size_t i = 0; i < json_count(instances); i++) {
		struct json *computes = json_get(instances->items[i], "computeInstances");
		for (size_t j = 0; j < json_count(computes); j++)
			if (json_number(computes->items[j], "migIndex", -1) == index) {
				*mig = handle(MIG_DEVICE, device->index, device->gpu, instances->items[i],
					      computes->items[j]);
				return SUCCESS;
			}
	}
	return NOT_FOUND;
}

EXPORT enum code nvmlDeviceIsMigDeviceHandle(device_t device, unsigned *answer)
{
	ENTER(device);
	if (!answer)
		return INVALID_ARGUMENT;
	*answer = (unsigned)is(device, MIG_DEVICE);
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device_t mig, device_t *device)
{
	ENTER(mig);
	if (!device || !is(mig, MIG_DEVICE))
		return INVALID_ARGUMENT;
	*device = handle(GPU, mig->index, mig->gpu, NULL, NULL);
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetGpuInstanceId(device_t mig, unsigned *id)
{
	ENTER(mig);
	if (!id || !is(mig, MIG_DEVICE))
		return INVALID_ARGUMENT;
	*id = (unsigned)json_number(mig->instance, "id", 0);
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetComputeInstanceId(device_t mig, unsigned *id)
{
	ENTER(mig);
	if (!id || !is(mig, MIG_DEVICE))
		return INVALID_ARGUMENT;
	*id = (unsigned)json_number(mig->compute, "id", 0);
	return SUCCESS;
}

/* --- profiles --------------------------------------------------------------------------------------------------- */

static enum code find(device_t device, unsigned index, struct json **found)
{
	if (!is(device, GPU) || index >= PROFILES)
		return INVALID_ARGUMENT;
	*found = mode(device) ? profile(device, "enumIndex", index) : NULL;
	return *found ? SUCCESS : NOT_SUPPORTED;
}

static struct profile_info described(struct json *found)
{
	return (struct profile_info){
		(unsigned)json_number(found, "id", 0),
		(unsigned)json_number(found, "p2p", 0),
		(unsigned)json_number(found, "computeSlices", 0),
		(unsigned)json_number(found, "maxInstances", 0),
		(unsigned)json_number(found, "multiprocessors", 0),
		(unsigned)json_number(found, "copyEngines", 0),
		(unsigned)json_number(found, "decoders", 0),
		(unsigned)json_number(found, "encoders", 0),
		(unsigned)json_number(found, "jpegEngines", 0),
		(unsigned)json_number(found, "ofaEngines", 0),
		(unsigned long long)json_number(found, "memoryMiB", 0),
	};
}

EXPORT enum code nvmlDeviceGetGpuInstanceProfileInfo(device_t device, unsigned index, struct profile_info *info)
{
	struct json *found;
	enum code code;

	ENTER(device);
	if (!info)
		return INVALID_ARGUMENT;
	if ((code = find(device, index, &found)))
		return code;
	*info = described(found);
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetGpuInstanceProfileInfoV(device_t device, unsigned index, struct profile_info_v2 *info)
{
	struct profile_info v1;
	struct json *found;
	enum code code;

	ENTER(device);
	if (!info)
		return INVALID_ARGUMENT;
	if (info->version != 0x02000098)
		return ARGUMENT_VERSION_MISMATCH;
	if ((code = find(device, index, &found)))
		return code;
	v1 = described(found);
	*info = (struct profile_info_v2){info->version, v1.id, v1.p2p, v1.slices, v1.instances, v1.multiprocessors,
					 v1.copy, v1.decoders, v1.encoders, v1.jpeg, v1.ofa, v1.memory_mib, ""};
	snprintf(info->name, sizeof info->name, "%s", json_text(found, "nvmlName"));
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetGpuInstancePossiblePlacements_v2(device_t device, unsigned id, struct placement *to,
							       unsigned *count)
{
	struct json *found, *starts;
	unsigned room;

	ENTER(device);
	if (!count || !is(device, GPU))
		return INVALID_ARGUMENT;
	if (!mode(device))
		return NOT_SUPPORTED;
	if (!(found = profile(device, "id", id)))
		return INVALID_ARGUMENT;
	starts = json_get(found, "starts");
	room = *count;
	*count = (unsigned)json_count(starts);
	if (!to)
		return SUCCESS;
	if (room < *count)
		return INSUFFICIENT_SIZE;
	for (unsigned i = 0; i < *count; i++)
		to[i] = (struct placement){(unsigned)starts->items[i]->number,
					   (unsigned)json_number(found, "memorySlices", 0)};
	return SUCCESS;
}

/* --- instances -------------------------------------------------------------------------------------------------- */

EXPORT enum code nvmlDeviceGetGpuInstances(device_t device, unsigned profile_id, device_t *to, unsigned *count)
{
	struct json *instances;

	ENTER(device);
	if (!to || !count || !is(device, GPU))
		return INVALID_ARGUMENT;
	if (!enabled(device))
		return NOT_SUPPORTED;
	instances = json_get(device->gpu, "gpuInstances");
	*count = 0;
	for (size_t i = 0; i < json_count(instances); i++)
		if (json_number(instances->items[i], "profileId", -1) == profile_id)
			to[(*count)++] = handle(GPU_INSTANCE, device->index, device->gpu, instances->items[i], NULL);
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetGpuInstanceById(device_t device, unsigned id, device_t *instance)
{
	struct json *instances;

	ENTER(device);
	if (!instance || !is(device, GPU))
		return INVALID_ARGUMENT;
	if (!enabled(device))
		return NOT_SUPPORTED;
	instances = json_get(device->gpu, "gpuInstances");
	for (size_t i = 0; i < json_count(instances); i++)
		if (json_number(instances->items[i], "id", -1) == id) {
			*instance = handle(GPU_INSTANCE, device->index, device->gpu, instances->items[i], NULL);
			return SUCCESS;
		}
	return NOT_FOUND;
}

EXPORT enum code nvmlGpuInstanceGetInfo(device_t instance, struct instance_info *info)
{
	ENTER(instance);
	if (!info || !is(instance, GPU_INSTANCE))
		return INVALID_ARGUMENT;
	*info = (struct instance_info){
		handle(GPU, instance->index, instance->gpu, NULL, NULL),
		(unsigned)json_number(instance->instance, "id", 0),
		(unsigned)json_number(instance->instance, "profileId", 0),
		placed(instance->instance),
	};
	return SUCCESS;
}

EXPORT enum code nvmlGpuInstanceGetComputeInstances(device_t instance, unsigned profile_id, device_t *to,
						    unsigned *count)
{
	struct json *computes;

	ENTER(instance);
	if (!to || !count || !is(instance, GPU_INSTANCE))
		return INVALID_ARGUMENT;
	computes = json_get(instance->instance, "computeInstances");
	*count = 0;
	for (size_t i = 0; i < json_count(computes); i++)
		if (json_number(computes->items[i], "profileId", -1) == profile_id)
			to[(*count)++] = handle(COMPUTE_INSTANCE, instance->index, instance->gpu, instance->instance,
						computes->items[i]);
	return SUCCESS;
}

EXPORT enum code nvmlGpuInstanceGetComputeInstanceById(device_t instance, unsigned id, device_t *compute)
{
	struct json *computes;

	ENTER(instance);
	if (!compute || !is(instance, GPU_INSTANCE))
		return INVALID_ARGUMENT;
	computes = json_get(instance->instance, "computeInstances");
	for (size_t i = 0; i < json_count(computes); i++)
		if (json_number(computes->items[i], "id", -1) == id) {
			*compute = handle(COMPUTE_INSTANCE, instance->index, instance->gpu, instance->instance,
					  computes->items[i]);
			return SUCCESS;
		}
	return NOT_FOUND;
}

/* Profiles of compute instances carry their index as id; one fits where the GPU instance has as many slices. */
EXPORT enum code nvmlGpuInstanceGetComputeInstanceProfileInfoV(device_t instance, unsigned index, unsigned engine,
							       struct compute_profile_v2 *info)
{
	static const unsigned slices[COMPUTE_PROFILES] = {1, 2, 3, 4, 7, 8, 6, 1, 7};
	struct json *found;

	ENTER(instance);
	if (!info || !is(instance, GPU_INSTANCE) || index >= COMPUTE_PROFILES || engine != 0)
		return INVALID_ARGUMENT;
	if (info->version != 0x02000088)
		return ARGUMENT_VERSION_MISMATCH;
	found = profile(instance, "id", json_number(instance->instance, "profileId", -1));
	if (!found || slices[index] > (unsigned)json_number(found, "computeSlices", 0))
		return NOT_SUPPORTED;
	*info = (struct compute_profile_v2){.version = info->version, .id = index, .slices = slices[index]};
	return SUCCESS;
}

EXPORT enum code nvmlComputeInstanceGetInfo_v2(device_t compute, struct compute_info *info)
{
	ENTER(compute);
	if (!info || !is(compute, COMPUTE_INSTANCE))
		return INVALID_ARGUMENT;
	*info = (struct compute_info){
		handle(MIG_DEVICE, compute->index, compute->gpu, compute->instance, compute->compute),
		handle(GPU_INSTANCE, compute->index, compute->gpu, compute->instance, NULL),
		(unsigned)json_number(compute->compute, "id", 0),
		(unsigned)json_number(compute->compute, "profileId", 0),
		placed(compute->compute),
	};
	return SUCCESS;
}
