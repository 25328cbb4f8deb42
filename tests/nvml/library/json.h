/* JSON read into a tree. Fractions are cut off, as nothing here has any; never writes. Start at json_read. */
#ifndef STANDIN_JSON_H
#define STANDIN_JSON_H

#include <stddef.h>

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_kind kind;
	long long number;   /* of a number; 0 or 1 of a boolean */
	char *string;       /* of a string */
	char **keys;        /* of an object */
	struct json **items; /* of an array or an object */
	size_t count;
};

/* The document in a file, or NULL with a message on stderr. It is never freed: it lives as long as the process. */
struct json *json_read(const char *path);

/* The member of an object; NULL where the object has none or says null. */
struct json *json_get(const struct json *object, const char *key);

/* The number of that member, or `otherwise`. */
long long json_number(const struct json *object, const char *key, long long otherwise);

/* The text of that member, or "". */
const char *json_text(const struct json *object, const char *key);

/* How many items an array has; 0 where there is none. */
size_t json_count(const struct json *array);

#endif
