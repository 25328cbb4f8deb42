/* What lies between GPUs: PCIe levels, NVLink, peer access, fabric; and the confidential-computing state of the host. */
#include "state.h"

#include <stdio.h>
#include <string.h>

#define MAX_LINKS 36

struct pci_info {
	char legacy_bus_id[16];
	unsigned domain, bus, device, device_id, subsystem_id;
	char bus_id[32];
};

struct fabric {
	unsigned version;
	unsigned char cluster[16];
	unsigned status, clique, state, health_mask;
	unsigned char summary; /* from version 3 on */
};

_Static_assert(sizeof(struct fabric) == 40, "v3 of fabric info has 40 bytes, v2 the first 36 of them");

/* Entry (a, b) of a matrix below `topology`, or -1. */
static long long entry(struct json *matrix, int a, int b)
{
	if (a < 0 || b < 0 || (size_t)a >= json_count(matrix) || (size_t)b >= json_count(matrix->items[a]))
		return -1;
	return matrix->items[a]->items[b]->number;
}

EXPORT enum code nvmlDeviceGetTopologyCommonAncestor(device_t a, device_t b, unsigned *level)
{
	long long found;

	ENTER(a);
	if (!level || !is(a, GPU) || !is(b, GPU))
		return INVALID_ARGUMENT;
	found = entry(json_get(json_get(host, "topology"), "commonAncestor"), a->index, b->index);
	if (found < 0)
		return NOT_SUPPORTED;
	*level = (unsigned)found;
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetP2PStatus(device_t a, device_t b, unsigned what, unsigned *status)
{
	static const char *const names[] = {"read", "write", "nvlink", "atomics", "pci"};
	long long found;

	ENTER(a);
	if (!status || !is(a, GPU) || !is(b, GPU) || what >= sizeof names / sizeof *names)
		return INVALID_ARGUMENT;
	found = entry(json_get(json_get(json_get(host, "topology"), "p2p"), names[what]), a->index, b->index);
	if (found < 0)
		return NOT_SUPPORTED;
	*status = (unsigned)found;
	return SUCCESS;
}

static enum code link_of(device_t device, unsigned link, struct json **found)
{
	struct json *links;

	if (!is(device, GPU) || link >= MAX_LINKS)
		return INVALID_ARGUMENT;
	links = json_get(device->gpu, "nvlinks");
	for (size_t i = 0; i < json_count(links); i++)
		if (json_number(links->items[i], "link", -1) == link) {
			*found = links->items[i];
			return SUCCESS;
		}
	return json_count(links) ? INVALID_ARGUMENT : NOT_SUPPORTED;
}

static enum code link_number(device_t device, unsigned link, const char *key, unsigned *to)
{
	struct json *found;
	enum code code;

	if (!to)
		return INVALID_ARGUMENT;
	if ((code = link_of(device, link, &found)))
		return code;
	if (!json_get(found, key))
		return NOT_SUPPORTED;
	*to = (unsigned)json_number(found, key, 0);
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetNvLinkState(device_t device, unsigned link, unsigned *state)
{
	ENTER(device);
	return link_number(device, link, "state", state);
}

EXPORT enum code nvmlDeviceGetNvLinkVersion(device_t device, unsigned link, unsigned *version)
{
	ENTER(device);
	return link_number(device, link, "version", version);
}

EXPORT enum code nvmlDeviceGetNvLinkRemoteDeviceType(device_t device, unsigned link, unsigned *type)
{
	ENTER(device);
	return link_number(device, link, "remoteType", type);
}

EXPORT enum code nvmlDeviceGetNvLinkRemotePciInfo_v2(device_t device, unsigned link, struct pci_info *pci)
{
	struct json *found;
	unsigned function = 0;
	enum code code;

	ENTER(device);
	if (!pci)
		return INVALID_ARGUMENT;
	if ((code = link_of(device, link, &found)))
		return code;
	memset(pci, 0, sizeof *pci);
	if (sscanf(json_text(found, "remoteBusId"), "%x:%x:%x.%x", &pci->domain, &pci->bus, &pci->device, &function) != 4)
		return NOT_SUPPORTED;
	pci->device_id = (unsigned)json_number(found, "remotePciDeviceId", 0);
	snprintf(pci->bus_id, sizeof pci->bus_id, "%08X:%02X:%02X.%X", pci->domain, pci->bus, pci->device, function);
	return SUCCESS;
}

static enum code fabric(device_t device, struct fabric *to)
{
	struct json *found;
	const char *text;

	if (!is(device, GPU))
		return INVALID_ARGUMENT;
	if (!(found = json_get(device->gpu, "fabric")))
		return NOT_SUPPORTED;
	memset(to->cluster, 0, sizeof to->cluster);
	text = json_text(found, "clusterUuid");
	for (int i = 0; i < 16 && *text; i++) {
		unsigned byte = 0;
		text += *text == '-';
		sscanf(text, "%2x", &byte);
		to->cluster[i] = (unsigned char)byte;
		text += strlen(text) < 2 ? strlen(text) : 2;
	}
	to->status = (unsigned)json_number(found, "status", 0);
	to->clique = (unsigned)json_number(found, "cliqueId", 0);
	to->state = (unsigned)json_number(found, "state", 0);
	to->health_mask = (unsigned)json_number(found, "healthMask", 0);
	to->summary = (unsigned char)json_number(found, "healthSummary", 0);
	return SUCCESS;
}

EXPORT enum code nvmlDeviceGetGpuFabricInfoV(device_t device, struct fabric *info)
{
	struct fabric read = {0};
	enum code code;

	ENTER(device);
	if (!info)
		return INVALID_ARGUMENT;
	if (info->version != 0x02000024 && info->version != 0x03000028)
		return ARGUMENT_VERSION_MISMATCH;
	read.version = info->version;
	if ((code = fabric(device, &read)))
		return code;
	memcpy(info, &read, info->version & 0xff); /* the tag's low bytes are the size */
	return SUCCESS;
}

/* --- where a GPU is in its rack --------------------------------------------------------------------------------- */

struct platform {
	unsigned version;
	unsigned char ib_guid[16];
	char chassis_serial[16];
	unsigned char slot, tray, host, peer_type, module;
};

_Static_assert(sizeof(struct platform) == 44, "v2 of platform info has 44 bytes");

EXPORT enum code nvmlDeviceGetPlatformInfo(device_t device, struct platform *info)
{
	struct json *found;

	ENTER(device);
	if (!info || !is(device, GPU))
		return INVALID_ARGUMENT;
	if (info->version != 0x0200002c)
		return ARGUMENT_VERSION_MISMATCH;
	if (!(found = json_get(host, "platform")))
		return NOT_SUPPORTED;
	*info = (struct platform){
		.version = info->version,
		.slot = (unsigned char)json_number(found, "slotNumber", 0),
		.tray = (unsigned char)json_number(found, "trayIndex", 0),
		.host = (unsigned char)json_number(found, "hostId", 0),
		.peer_type = (unsigned char)json_number(found, "peerType", 0),
		.module = (unsigned char)json_number(device->gpu, "moduleId", 0),
	};
	/* All bytes of the field may be in use, without a zero at the end. */
	memcpy(info->chassis_serial, json_text(found, "chassisSerial"),
	       strnlen(json_text(found, "chassisSerial"), sizeof info->chassis_serial));
	return SUCCESS;
}

/* --- confidential computing ------------------------------------------------------------------------------------- */

struct cc_settings {
	unsigned version, environment, feature, dev_tools, multi_gpu;
};

static unsigned cc(const char *key)
{
	return (unsigned)json_number(json_get(host, "confCompute"), key, 0);
}

EXPORT enum code nvmlSystemGetConfComputeCapabilities(unsigned capabilities[2])
{
	ENTER(NULL);
	if (!capabilities)
		return INVALID_ARGUMENT;
	if (!json_get(host, "confCompute"))
		return NOT_SUPPORTED;
	capabilities[0] = cc("cpuCaps");
	capabilities[1] = cc("gpusCaps");
	return SUCCESS;
}

EXPORT enum code nvmlSystemGetConfComputeState(unsigned state[3])
{
	ENTER(NULL);
	if (!state)
		return INVALID_ARGUMENT;
	if (!json_get(host, "confCompute"))
		return NOT_SUPPORTED;
	state[0] = cc("environment");
	state[1] = cc("ccFeature");
	state[2] = cc("devToolsMode");
	return SUCCESS;
}

EXPORT enum code nvmlSystemGetConfComputeSettings(struct cc_settings *settings)
{
	ENTER(NULL);
	if (!settings)
		return INVALID_ARGUMENT;
	if (settings->version != 0x01000014)
		return ARGUMENT_VERSION_MISMATCH;
	if (!json_get(host, "confCompute"))
		return NOT_SUPPORTED;
	*settings = (struct cc_settings){settings->version, cc("environment"), cc("ccFeature"), cc("devToolsMode"),
					 cc("multiGpuMode")};
	return SUCCESS;
}

EXPORT enum code nvmlSystemGetConfComputeGpusReadyState(unsigned *ready)
{
	ENTER(NULL);
	if (!ready)
		return INVALID_ARGUMENT;
	if (!json_get(host, "confCompute"))
		return NOT_SUPPORTED;
	*ready = cc("gpusReady");
	return SUCCESS;
}

struct cc_memory {
	unsigned long long protected_kib, unprotected_kib;
};

_Static_assert(sizeof(struct cc_memory) == 16, "memory sizes have 16 bytes");

/* Fixtures that know the sizes say them for each GPU. */
EXPORT enum code nvmlDeviceGetConfComputeMemSizeInfo(device_t device, struct cc_memory *memory)
{
	struct json *found;

	ENTER(device);
	if (!memory || !is(device, GPU))
		return INVALID_ARGUMENT;
	found = json_get(device->gpu, "confComputeMemory");
	if (!json_get(host, "confCompute") || !found)
		return NOT_SUPPORTED;
	memory->protected_kib = (unsigned long long)json_number(found, "protectedKiB", 0);
	memory->unprotected_kib = (unsigned long long)json_number(found, "unprotectedKiB", 0);
	return SUCCESS;
}
