/* The system and whole GPUs: identity, memory, PCI, modes. The names and layouts are NVIDIA's ABI. */
#include "state.h"

#include <stdio.h>
#include <string.h>

struct memory {
	unsigned long long total, free, used;
};

struct memory_v2 {
	unsigned version;
	unsigned long long total, reserved, free, used;
};

struct pci_info {
	char legacy_bus_id[16];
	unsigned domain, bus, device, device_id, subsystem_id;
	char bus_id[32];
};

struct addressing_mode {
	unsigned version, value;
};

_Static_assert(sizeof(struct memory_v2) == 40, "v2 of memory has 40 bytes");
_Static_assert(sizeof(struct pci_info) == 68, "v3 of PCI info has 68 bytes");

/* --- the system ------------------------------------------------------------------------------------------------- */

EXPORT enum code nvmlInitWithFlags(unsigned flags)
{
	(void)flags;
	ENTER(NULL);
	return start();
}

EXPORT enum code nvmlInit_v2(void)
{
	ENTER(NULL);
	return start();
}

EXPORT enum code nvmlShutdown(void)
{
	ENTER(NULL);
	return stop();
}

EXPORT const char *nvmlErrorString(enum code code)
{
	static const char *const known[] = {"Success", "Uninitialized", "Invalid Argument", "Not Supported",
					    "Insufficient Permissions"};
	if ((unsigned)code < sizeof known / sizeof *known)
		return known[code];
	return code == ARGUMENT_VERSION_MISMATCH ? "Argument version mismatch" : "Unknown Error";
}

EXPORT enum code nvmlSystemGetDriverVersion(char *version, unsigned size)
{
	ENTER(NULL);
	return copy(version, size, json_text(json_get(host, "system"), "driverVersion"));
}

EXPORT enum code nvmlSystemGetNVMLVersion(char *version, unsigned size)
{
	ENTER(NULL);
	return copy(version, size, json_text(json_get(host, "system"), "nvmlVersion"));
}

EXPORT enum code nvmlSystemGetCudaDriverVersion_v2(int *version)
{
	ENTER(NULL);
	if (!version)
		return INVALID_ARGUMENT;
	*version = (int)json_number(json_get(host, "system"), "cudaDriverVersion", 0);
	return SUCCESS;
}

EXPORT enum code nvmlSystemGetCudaDriverVersion(int *version)
{
	ENTER(NULL);
	if (!version)
		return INVALID_ARGUMENT;
	*version = (int)json_number(json_get(host, "system"), "cudaDriverVersion", 0);
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetCount_v2(unsigned *count)
{
	ENTER(NULL);
	if (!count)
		return INVALID_ARGUMENT;
	*count = (unsigned)json_count(json_get(host, "gpus"));
	return SUCCESS;
}

/* --- handles ---------------------------------------------------------------------------------------------------- */

static enum code give(struct json *gpu, device_t *to)
{
	if (!gpu)
		return NOT_FOUND;
	if (json_number(gpu, "lost", 0))
		return GPU_IS_LOST;
	*to = handle(GPU, (int)json_number(gpu, "index", -1), gpu, NULL, NULL);
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetHandleByIndex_v2(unsigned index, device_t *device)
{
	struct json *gpu = host ? gpu_at(index) : NULL;

	ENTER(gpu ? handle(GPU, (int)index, gpu, NULL, NULL) : NULL);
	return !device || !gpu ? INVALID_ARGUMENT : give(gpu, device);
}

EXPORT enum code nvmlDeviceGetHandleByUUID(const char *uuid, device_t *device)
{
	struct json *gpus = json_get(host, "gpus");

	ENTER(NULL);
	if (!uuid || !device)
		return INVALID_ARGUMENT;
	for (size_t i = 0; i < json_count(gpus); i++)
		if (strcmp(json_text(gpus->items[i], "uuid"), uuid) == 0)
			return give(gpus->items[i], device);
	return NOT_FOUND;
}

/* Sysfs writes 0000:07:00.0 where NVML writes 00000000:07:00.0; both are taken. */
EXPORT enum code nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, device_t *device)
{
	struct json *gpus = json_get(host, "gpus");

	ENTER(NULL);
	if (!bus_id || !device)
		return INVALID_ARGUMENT;
	for (size_t i = 0; i < json_count(gpus); i++) {
		const char *known = json_text(json_get(gpus->items[i], "pci"), "busId");
		size_t more = strlen(bus_id) > strlen(known) ? strlen(bus_id) - strlen(known) : 0;
		if (*known && strcasecmp(bus_id + more, known) == 0)
			return give(gpus->items[i], device);
	}
	return NOT_FOUND;
}

/* --- one GPU ---------------------------------------------------------------------------------------------------- */

EXPORT enum code nvmlDeviceGetUUID(device_t device, char *uuid, unsigned size)
{
	ENTER(device);
	if (is(device, MIG_DEVICE))
		return copy(uuid, size, json_text(device->compute, "uuid"));
	return is(device, GPU) ? copy(uuid, size, json_text(device->gpu, "uuid")) : INVALID_ARGUMENT;
}

EXPORT enum code nvmlDeviceGetName(device_t device, char *name, unsigned size)
{
	ENTER(device);
	return is(device, GPU) ? copy(name, size, json_text(device->gpu, "name")) : INVALID_ARGUMENT;
}

/* The number of a member; NOT_SUPPORTED where the fixture says null. */
static enum code number(device_t device, const char *key, unsigned *to)
{
	long long found;

	if (!to || !is(device, GPU))
		return INVALID_ARGUMENT;
	found = json_number(device->gpu, key, -1);
	if (found < 0)
		return NOT_SUPPORTED;
	*to = (unsigned)found;
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetMinorNumber(device_t device, unsigned *minor)
{
	ENTER(device);
	return number(device, "minor", minor);
}

EXPORT enum code nvmlDeviceGetBrand(device_t device, unsigned *brand)
{
	ENTER(device);
	return number(device, "brand", brand);
}

EXPORT enum code nvmlDeviceGetArchitecture(device_t device, unsigned *architecture)
{
	ENTER(device);
	return number(device, "architecture", architecture);
}

EXPORT enum code nvmlDeviceGetModuleId(device_t device, unsigned *module)
{
	ENTER(device);
	return number(device, "moduleId", module);
}

EXPORT enum code nvmlDeviceGetVirtualizationMode(device_t device, unsigned *mode)
{
	ENTER(device);
	return number(device, "virtualizationMode", mode);
}

EXPORT enum code nvmlDeviceGetComputeMode(device_t device, unsigned *mode)
{
	ENTER(device);
	return number(device, "computeMode", mode);
}

EXPORT enum code nvmlDeviceGetPersistenceMode(device_t device, unsigned *mode)
{
	ENTER(device);
	return number(device, "persistenceMode", mode);
}

EXPORT enum code nvmlDeviceGetNumaNodeId(device_t device, unsigned *node)
{
	ENTER(device);
	return number(device, "gpuMemoryNumaNode", node);
}

EXPORT enum code nvmlDeviceGetCudaComputeCapability(device_t device, int *major, int *minor)
{
	struct json *found;

	ENTER(device);
	if (!major || !minor || !is(device, GPU))
		return INVALID_ARGUMENT;
	found = json_get(device->gpu, "computeCapability");
	if (json_count(found) != 2)
		return NOT_SUPPORTED;
	*major = (int)found->items[0]->number;
	*minor = (int)found->items[1]->number;
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetEccMode(device_t device, unsigned *current, unsigned *pending)
{
	struct json *found;

	ENTER(device);
	if (!current || !pending || !is(device, GPU))
		return INVALID_ARGUMENT;
	if (!(found = json_get(device->gpu, "ecc")))
		return NOT_SUPPORTED;
	*current = (unsigned)json_number(found, "current", 0);
	*pending = (unsigned)json_number(found, "pending", 0);
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetMemoryInfo(device_t device, struct memory *memory)
{
	struct json *found;

	ENTER(device);
	if (!memory || !is(device, GPU))
		return INVALID_ARGUMENT;
	found = json_get(device->gpu, "memory");
	if (!json_get(found, "totalBytes"))
		return NOT_SUPPORTED;
	memory->total = (unsigned long long)json_number(found, "totalBytes", 0);
	memory->used = (unsigned long long)(json_number(found, "usedBytes", 0) + json_number(found, "reservedBytes", 0));
	memory->free = memory->total - memory->used;
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetMemoryInfo_v2(device_t device, struct memory_v2 *memory)
{
	struct json *found;

	ENTER(device);
	if (!memory || !is(device, GPU))
		return INVALID_ARGUMENT;
	if (memory->version != 0x02000028)
		return ARGUMENT_VERSION_MISMATCH;
	found = json_get(device->gpu, "memory");
	if (!json_get(found, "totalBytes"))
		return NOT_SUPPORTED;
	memory->total = (unsigned long long)json_number(found, "totalBytes", 0);
	memory->reserved = (unsigned long long)json_number(found, "reservedBytes", 0);
	memory->used = (unsigned long long)json_number(found, "usedBytes", 0);
	memory->free = memory->total - memory->used - memory->reserved;
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetPciInfo_v3(device_t device, struct pci_info *pci)
{
	struct json *found;
	unsigned function = 0;

	ENTER(device);
	if (!pci || !is(device, GPU))
		return INVALID_ARGUMENT;
	found = json_get(device->gpu, "pci");
	memset(pci, 0, sizeof *pci);
	if (sscanf(json_text(found, "busId"), "%x:%x:%x.%x", &pci->domain, &pci->bus, &pci->device, &function) != 4)
		return NOT_SUPPORTED;
	pci->device_id = (unsigned)(json_number(found, "deviceId", 0) << 16 | json_number(found, "vendorId", 0));
	pci->subsystem_id =
		(unsigned)(json_number(found, "subsystemDeviceId", 0) << 16 | json_number(found, "subsystemVendorId", 0));
	snprintf(pci->legacy_bus_id, sizeof pci->legacy_bus_id, "%04X:%02X:%02X.%X", pci->domain & 0xffff,
		 pci->bus & 0xff, pci->device & 0xff, function & 0xf);
	snprintf(pci->bus_id, sizeof pci->bus_id, "%08X:%02X:%02X.%X", pci->domain, pci->bus, pci->device, function);
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetAddressingMode(device_t device, struct addressing_mode *mode)
{
	ENTER(device);
	if (!mode || !is(device, GPU))
		return INVALID_ARGUMENT;
	if (mode->version != 0x01000008)
		return ARGUMENT_VERSION_MISMATCH;
	return number(device, "addressingMode", &mode->value);
}
