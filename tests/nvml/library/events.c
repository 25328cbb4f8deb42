/*
 * Events. NVML_STANDIN_EVENTS lists what happens, in order, separated by semicolons: xid:<GPU>:<number>[:<GI>:<CI>] or
 * `lost` (the wait answers "GPU is lost"). After the last one every wait times out at once, whatever it may wait.
 */
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XID 8ULL

struct event {
	device_t device;
	unsigned long long type, data;
	unsigned instance, compute;
};

static int set; /* the one event set's handle is its address */
static const char *rest;

EXPORT enum code nvmlEventSetCreate(void **created)
{
	ENTER(NULL);
	if (!created)
		return INVALID_ARGUMENT;
	rest = getenv("NVML_STANDIN_EVENTS");
	*created = &set;
	return SUCCESS;
}

EXPORT enum code nvmlEventSetFree(void *created)
{
	ENTER(NULL);
	return created == &set ? SUCCESS : INVALID_ARGUMENT;
}

EXPORT enum code nvmlDeviceGetSupportedEventTypes(device_t device, unsigned long long *types)
{
	ENTER(device);
	if (!types || !is(device, GPU))
		return INVALID_ARGUMENT;
	*types = json_number(device->gpu, "noEvents", 0) ? 0 : XID | 3;
	return SUCCESS;
}

EXPORT enum code nvmlDeviceRegisterEvents(device_t device, unsigned long long types, void *created)
{
	(void)types;
	ENTER(device);
	if (created != &set || !is(device, GPU))
		return INVALID_ARGUMENT;
	return json_number(device->gpu, "noEvents", 0) ? NOT_SUPPORTED : SUCCESS;
}

EXPORT enum code nvmlEventSetWait_v2(void *created, struct event *event, unsigned milliseconds)
{
	unsigned long long data = 0;
	int gpu = 0, read = 0;
	unsigned instance = 0xffffffff, compute = 0xffffffff;
	const char *one = rest;
	struct json *found;

	(void)milliseconds;
	ENTER(NULL);
	if (created != &set || !event)
		return INVALID_ARGUMENT;
	if (!one || !*one)
		return TIMEOUT;
	rest = strchr(one, ';') ? strchr(one, ';') + 1 : NULL;
	if (strncmp(one, "lost", 4) == 0)
		return GPU_IS_LOST;
	if (sscanf(one, "xid:%d:%llu%n:%u:%u", &gpu, &data, &read, &instance, &compute) < 2 || !(found = gpu_at(gpu)))
		return UNKNOWN;
	*event = (struct event){handle(GPU, gpu, found, NULL, NULL), XID, data, instance, compute};
	return SUCCESS;
}
