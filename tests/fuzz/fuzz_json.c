/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a document. What is accepted is written as JSON that reads back and is
 * written the same again; what is refused leaves the caller's pointer alone. The readers are tried
 * on the members they find; what they give is valid UTF-8.
 */
#include <assert.h>
#include <string.h>

#include "common/json.h"
#include "common/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json *const UNTOUCHED = (struct json *)-1;

static void try_readers(const struct json *object, const char *name)
{
	const char *string = NULL;
	int64_t number = 77, saturated = 77, lenient = 77;
	bool value;

	if (json_string(object, name, 100, &string) == JSON_FOUND)
		assert(strlen(string) <= 100 && utf8_is_valid(string, strlen(string)));
	else
		assert(!string);
	if (json_integer(object, name, &number) == JSON_FOUND) {
		assert(json_saturated_integer(object, name, &saturated) == JSON_FOUND);
		assert(json_lenient_integer(object, name, &lenient) == JSON_FOUND);
		assert(saturated == number && lenient == number);
	} else {
		assert(number == 77);
	}
	json_boolean(object, name, &value);
	for (size_t i = 0; i < json_array_length(json_array(object, name)); i++)
		json_is_object(json_array_at(json_array(object, name), i));
	if (json_object(object, name))
		try_readers(json_object(object, name), name);
}

static void write_and_read_back(const struct json *document)
{
	struct text once = {0}, twice = {0};
	struct json *again = UNTOUCHED;
	struct error err;

	json_write(document, &once);
	assert(utf8_is_valid(once.data, once.length));
	assert(json_parse(once.data, once.length, &again, &err));
	json_write(again, &twice);
	assert(once.length == twice.length && memcmp(once.data, twice.data, once.length) == 0);
	json_destroy(again);
	text_finish(&once);
	text_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json *document = UNTOUCHED;
	struct error err = {0};

	if (!json_parse((const char *)data, size, &document, &err)) {
		assert(document == UNTOUCHED);
		assert(err.class == ERROR_BAD_REPLY && *err.text);
		return 0;
	}
	if (document) {
		try_readers(document, "a");
		try_readers(document, "data");
		write_and_read_back(document);
	}
	json_destroy(document);
	return 0;
}
