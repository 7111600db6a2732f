/* SPDX-License-Identifier: MIT */
/*
 * The properties of a message, kept in a memory pool of their own, because rabbitmq-c reuses its
 * memory while the body is still on its way. Runs in the thread that owns the message.
 */
#include "common/broker_properties.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/broker_internal.h"
#include "common/memory.h"

#define POOL_PAGE_BYTES 4096
#define SHOWN_DEPTH     16

/* Every property that is bytes, by its name in AMQP 0-9-1 (section 1.8.1 of the specification). */
static const struct text_property {
	const char *name;
	amqp_flags_t flag;
	size_t offset;
} text_properties[] = {
	{"content_type", AMQP_BASIC_CONTENT_TYPE_FLAG,
		offsetof(amqp_basic_properties_t, content_type)},
	{"content_encoding", AMQP_BASIC_CONTENT_ENCODING_FLAG,
		offsetof(amqp_basic_properties_t, content_encoding)},
	{"correlation_id", AMQP_BASIC_CORRELATION_ID_FLAG,
		offsetof(amqp_basic_properties_t, correlation_id)},
	{"reply_to", AMQP_BASIC_REPLY_TO_FLAG, offsetof(amqp_basic_properties_t, reply_to)},
	{"expiration", AMQP_BASIC_EXPIRATION_FLAG, offsetof(amqp_basic_properties_t, expiration)},
	{"message_id", AMQP_BASIC_MESSAGE_ID_FLAG, offsetof(amqp_basic_properties_t, message_id)},
	{"type", AMQP_BASIC_TYPE_FLAG, offsetof(amqp_basic_properties_t, type)},
	{"user_id", AMQP_BASIC_USER_ID_FLAG, offsetof(amqp_basic_properties_t, user_id)},
	{"app_id", AMQP_BASIC_APP_ID_FLAG, offsetof(amqp_basic_properties_t, app_id)},
	{"cluster_id", AMQP_BASIC_CLUSTER_ID_FLAG, offsetof(amqp_basic_properties_t, cluster_id)},
};
static const size_t text_property_count = sizeof text_properties / sizeof *text_properties;

/* ---- Keeping ---- */

static amqp_bytes_t *text_property(
	amqp_basic_properties_t *properties, const struct text_property *property)
{
	return (amqp_bytes_t *)(void *)((char *)properties + property->offset);
}

static void own_bytes(amqp_pool_t *pool, amqp_bytes_t *bytes)
{
	amqp_bytes_t copy = amqp_empty_bytes;

	if (bytes->len > 0) {
		amqp_pool_alloc_bytes(pool, bytes->len, &copy);
		assert(copy.bytes);
		memcpy(copy.bytes, bytes->bytes, bytes->len);
	}
	*bytes = copy;
}

struct broker_properties *broker_properties_keep(const amqp_basic_properties_t *properties)
{
	struct broker_properties *kept = memory_allocate(1, sizeof *kept);
	int status;

	init_amqp_pool(&kept->pool, POOL_PAGE_BYTES);
	kept->list = *properties;
	for (size_t i = 0; i < text_property_count; i++)
		if (properties->_flags & text_properties[i].flag)
			own_bytes(&kept->pool, text_property(&kept->list, &text_properties[i]));
	if (properties->_flags & AMQP_BASIC_HEADERS_FLAG) {
		status = amqp_table_clone(&properties->headers, &kept->list.headers, &kept->pool);
		assert(status == AMQP_STATUS_OK); /* fails for want of memory alone */
	}
	return kept;
}

struct broker_properties *broker_properties_copy(const struct broker_properties *properties)
{
	return broker_properties_keep(&properties->list);
}

void broker_properties_destroy(struct broker_properties *properties)
{
	if (!properties)
		return;
	empty_amqp_pool(&properties->pool);
	free(properties);
}

/* ---- Reading ---- */

static bool is_named(const amqp_table_entry_t *entry, const char *name)
{
	return entry->key.len == strlen(name) &&
	       memcmp(entry->key.bytes, name, entry->key.len) == 0;
}

static const amqp_field_value_t *find_field(const amqp_table_t *table, const char *name)
{
	for (int i = 0; i < table->num_entries; i++)
		if (is_named(&table->entries[i], name))
			return &table->entries[i].value;
	return NULL;
}

static const amqp_field_value_t *find_header(
	const struct broker_properties *properties, const char *name)
{
	if (!(properties->list._flags & AMQP_BASIC_HEADERS_FLAG))
		return NULL;
	return find_field(&properties->list.headers, name);
}

bool broker_field_number(const amqp_field_value_t *value, int64_t *number)
{
	switch (value->kind) {
	case AMQP_FIELD_KIND_I8:
		*number = (int)value->value.i8;
		return true;
	case AMQP_FIELD_KIND_U8:
		*number = value->value.u8;
		return true;
	case AMQP_FIELD_KIND_I16:
		*number = value->value.i16;
		return true;
	case AMQP_FIELD_KIND_U16:
		*number = value->value.u16;
		return true;
	case AMQP_FIELD_KIND_I32:
		*number = value->value.i32;
		return true;
	case AMQP_FIELD_KIND_U32:
		*number = value->value.u32;
		return true;
	case AMQP_FIELD_KIND_I64:
		*number = value->value.i64;
		return true;
	case AMQP_FIELD_KIND_U64:
	case AMQP_FIELD_KIND_TIMESTAMP:
		*number = value->value.u64 > INT64_MAX ? INT64_MAX : (int64_t)value->value.u64;
		return true;
	default:
		return false;
	}
}

bool broker_properties_text(
	const struct broker_properties *properties, const char *header, struct text *out)
{
	const amqp_field_value_t *value = find_header(properties, header);

	if (!value || (value->kind != AMQP_FIELD_KIND_UTF8 && value->kind != AMQP_FIELD_KIND_BYTES))
		return false;
	text_append_bytes(out, value->value.bytes.bytes, value->value.bytes.len);
	return true;
}

bool broker_properties_number(
	const struct broker_properties *properties, const char *header, int64_t *number)
{
	const amqp_field_value_t *value = find_header(properties, header);

	return value && broker_field_number(value, number);
}

static void read_word(const amqp_table_t *table, const char *name, char *word, size_t size)
{
	const amqp_field_value_t *value = find_field(table, name);
	size_t length = 0;

	if (value && value->kind == AMQP_FIELD_KIND_UTF8) {
		length = value->value.bytes.len < size ? value->value.bytes.len : size - 1;
		memcpy(word, value->value.bytes.bytes, length);
	}
	word[length] = '\0';
}

static int64_t read_number(const amqp_table_t *table, const char *name)
{
	const amqp_field_value_t *value = find_field(table, name);
	int64_t number = 0;

	return value && broker_field_number(value, &number) ? number : 0;
}

bool broker_properties_death(const struct broker_properties *properties, struct broker_death *death)
{
	const amqp_field_value_t *deaths = find_header(properties, "x-death");
	const amqp_table_t *last;

	if (!deaths || deaths->kind != AMQP_FIELD_KIND_ARRAY ||
		deaths->value.array.num_entries < 1 ||
		deaths->value.array.entries[0].kind != AMQP_FIELD_KIND_TABLE)
		return false;
	last = &deaths->value.array.entries[0].value.table;
	read_word(last, "reason", death->reason, sizeof death->reason);
	read_word(last, "queue", death->queue, sizeof death->queue);
	death->count = read_number(last, "count");
	death->time_s = read_number(last, "time");
	return true;
}

/* ---- Showing ---- */

static void write_bytes(amqp_bytes_t bytes, struct text *out)
{
	char *terminated = memory_copy_bytes(bytes.bytes, bytes.len);

	text_append_char(out, '"');
	text_append_json(out, terminated); /* up to a NUL, if there is one */
	text_append_char(out, '"');
	free(terminated);
}

static void write_table(const amqp_table_t *table, int depth, struct text *out);

static void write_value(const amqp_field_value_t *value, int depth, struct text *out)
{
	int64_t number;

	if (broker_field_number(value, &number)) {
		text_append_format(out, "%" PRId64, number);
		return;
	}
	switch (value->kind) {
	case AMQP_FIELD_KIND_BOOLEAN:
		text_append(out, value->value.boolean ? "true" : "false");
		break;
	case AMQP_FIELD_KIND_UTF8:
	case AMQP_FIELD_KIND_BYTES:
		write_bytes(value->value.bytes, out);
		break;
	case AMQP_FIELD_KIND_TABLE:
		write_table(&value->value.table, depth + 1, out);
		break;
	case AMQP_FIELD_KIND_ARRAY:
		text_append_char(out, '[');
		for (int i = 0; i < value->value.array.num_entries; i++) {
			if (i > 0)
				text_append_char(out, ',');
			if (depth < SHOWN_DEPTH)
				write_value(&value->value.array.entries[i], depth + 1, out);
			else
				text_append(out, "\"...\"");
		}
		text_append_char(out, ']');
		break;
	default:
		text_append(out, "null");
	}
}

static void write_table(const amqp_table_t *table, int depth, struct text *out)
{
	if (depth > SHOWN_DEPTH) {
		text_append(out, "\"...\"");
		return;
	}
	text_append_char(out, '{');
	for (int i = 0; i < table->num_entries; i++) {
		if (i > 0)
			text_append_char(out, ',');
		write_bytes(table->entries[i].key, out);
		text_append_char(out, ':');
		write_value(&table->entries[i].value, depth, out);
	}
	text_append_char(out, '}');
}

void broker_properties_write(const struct broker_properties *properties, struct text *out)
{
	amqp_basic_properties_t list = properties->list;

	text_append_char(out, '{');
	for (size_t i = 0; i < text_property_count; i++) {
		if (!(list._flags & text_properties[i].flag))
			continue;
		text_append_format(out, "\"%s\":", text_properties[i].name);
		write_bytes(*text_property(&list, &text_properties[i]), out);
		text_append_char(out, ',');
	}
	if (list._flags & AMQP_BASIC_DELIVERY_MODE_FLAG)
		text_append_format(out, "\"delivery_mode\":%d,", list.delivery_mode);
	if (list._flags & AMQP_BASIC_PRIORITY_FLAG)
		text_append_format(out, "\"priority\":%d,", list.priority);
	if (list._flags & AMQP_BASIC_TIMESTAMP_FLAG)
		text_append_format(out, "\"timestamp\":%" PRIu64 ",", list.timestamp);
	text_append(out, "\"headers\":");
	if (list._flags & AMQP_BASIC_HEADERS_FLAG)
		write_table(&list.headers, 0, out);
	else
		text_append(out, "{}");
	text_append_char(out, '}');
}
