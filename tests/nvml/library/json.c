/* A reader of JSON by descent; see json.h. */
#include "json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *at;
	int failed;
};

static struct json *value(struct reader *reader);

static void blank(struct reader *reader)
{
	while (isspace((unsigned char)*reader->at))
		reader->at++;
}

static int take(struct reader *reader, char expected)
{
	blank(reader);
	if (*reader->at != expected)
		return 0;
	reader->at++;
	return 1;
}

static struct json *make(enum json_kind kind)
{
	struct json *made = calloc(1, sizeof *made);
	if (!made)
		abort();
	made->kind = kind;
	return made;
}

/* Appends the character behind an escaped u as UTF-8; halves of surrogate pairs become question marks. */
static size_t unicode(struct reader *reader, char *to)
{
	unsigned code = 0;
	int read = 0;

	if (sscanf(reader->at, "%4x%n", &code, &read) != 1 || read != 4) {
		reader->failed = 1;
		return 0;
	}
	reader->at += read;
	if (code >= 0xd800 && code < 0xe000)
		code = '?';
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xc0 | code >> 6);
		to[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	to[0] = (char)(0xe0 | code >> 12);
	to[1] = (char)(0x80 | (code >> 6 & 0x3f));
	to[2] = (char)(0x80 | (code & 0x3f));
	return 3;
}

static char *text(struct reader *reader)
{
	size_t length = 0;
	char *made = malloc(strlen(reader->at) + 1);

	if (!made)
		abort();
	if (!take(reader, '"'))
		reader->failed = 1;
	while (!reader->failed && *reader->at != '"') {
		char one = *reader->at++;
		if (one == '\\' && *reader->at == 'u') {
			reader->at++;
			length += unicode(reader, made + length);
			continue;
		}
		if (one == '\\') {
			static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
			const char *found = *reader->at ? strchr(from, *reader->at++) : NULL;
			if (found)
				one = to[found - from];
			else
				reader->failed = 1;
		} else if (!one) {
			reader->failed = 1;
		}
		made[length++] = one;
	}
	if (!reader->failed)
		reader->at++;
	made[length] = '\0';
	return made;
}

static void append(struct json *to, char *key, struct json *item)
{
	to->items = realloc(to->items, (to->count + 1) * sizeof *to->items);
	to->keys = realloc(to->keys, (to->count + 1) * sizeof *to->keys);
	if (!to->items || !to->keys)
		abort();
	to->keys[to->count] = key;
	to->items[to->count++] = item;
}

static struct json *many(struct reader *reader, enum json_kind kind, char end)
{
	struct json *made = make(kind);

	reader->at++;
	if (take(reader, end))
		return made;
	do {
		char *key = NULL;
		if (kind == JSON_OBJECT) {
			blank(reader);
			key = text(reader);
			if (!take(reader, ':'))
				reader->failed = 1;
		}
		if (!reader->failed)
			append(made, key, value(reader));
	} while (!reader->failed && take(reader, ','));
	if (!take(reader, end))
		reader->failed = 1;
	return made;
}

static struct json *word(struct reader *reader, const char *expected, enum json_kind kind, long long number)
{
	struct json *made = make(kind);

	made->number = number;
	if (strncmp(reader->at, expected, strlen(expected)) != 0)
		reader->failed = 1;
	else
		reader->at += strlen(expected);
	return made;
}

static struct json *number(struct reader *reader)
{
	struct json *made = make(JSON_NUMBER);
	char *end;

	made->number = strtoll(reader->at, &end, 10);
	if (end == reader->at)
		reader->failed = 1;
	strtod(reader->at, &end); /* what stands behind a point is passed over */
	reader->at = end;
	return made;
}

static struct json *value(struct reader *reader)
{
	struct json *made;

	blank(reader);
	switch (*reader->at) {
	case '{':
		return many(reader, JSON_OBJECT, '}');
	case '[':
		return many(reader, JSON_ARRAY, ']');
	case '"':
		made = make(JSON_STRING);
		made->string = text(reader);
		return made;
	case 't':
		return word(reader, "true", JSON_BOOL, 1);
	case 'f':
		return word(reader, "false", JSON_BOOL, 0);
	case 'n':
		return word(reader, "null", JSON_NULL, 0);
	default:
		return number(reader);
	}
}

static char *content(const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t length = 0, got;
	char *read = NULL;

	if (!file)
		return NULL;
	do {
		read = realloc(read, length + 65537);
		if (!read)
			abort();
		got = fread(read + length, 1, 65536, file);
		length += got;
	} while (got);
	fclose(file);
	read[length] = '\0';
	return read;
}

struct json *json_read(const char *path)
{
	char *read = content(path);
	struct reader reader = {read, 0};
	struct json *made;

	if (!read) {
		fprintf(stderr, "libnvidia-ml stand-in: cannot read %s\n", path);
		return NULL;
	}
	made = value(&reader);
	blank(&reader);
	if (reader.failed || *reader.at) {
		fprintf(stderr, "libnvidia-ml stand-in: %s: no JSON at offset %zu\n", path, (size_t)(reader.at - read));
		made = NULL;
	}
	free(read);
	return made;
}

struct json *json_get(const struct json *object, const char *key)
{
	if (!object || object->kind != JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < object->count; i++)
		if (strcmp(object->keys[i], key) == 0)
			return object->items[i]->kind == JSON_NULL ? NULL : object->items[i];
	return NULL;
}

long long json_number(const struct json *object, const char *key, long long otherwise)
{
	const struct json *found = json_get(object, key);
	return found && (found->kind == JSON_NUMBER || found->kind == JSON_BOOL) ? found->number : otherwise;
}

const char *json_text(const struct json *object, const char *key)
{
	const struct json *found = json_get(object, key);
	return found && found->kind == JSON_STRING ? found->string : "";
}

size_t json_count(const struct json *array)
{
	return array && array->kind == JSON_ARRAY ? array->count : 0;
}
