/* SPDX-License-Identifier: MIT */
/*
 * What the operator sees and does of one account. The server thread runs this.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/admin.h"
#include "tests/simulator/scopes.h"
#include "tests/simulator/simulator.h"

static void write_changes(struct simulator *simulator, const struct account_state *account,
	uint32_t number, struct text *out)
{
	static const char *const visibilities[] = {"public", "private", "deleted"};
	struct world_account description;

	world_account(&simulator->setup.world, number, &description);
	for (uint32_t i = 0; i < account->change_count; i++) {
		const struct video_change *change = &account->changes[i];
		struct world_video video;

		state_describe_video(&simulator->state, &description, change->number, &video);
		text_append_format(out, "%s{\"id\":\"%s\",\"visibility\":\"%s\",\"posted\":%s}",
			i ? "," : "", video.id, visibilities[change->visibility],
			change->number >= STATE_POSTED ? "true" : "false");
	}
}

void admin_show_account(struct simulator *simulator, struct call *call, uint32_t number)
{
	struct account_state *account = state_account(&simulator->state, number);
	const struct access_token *newest =
		&account->access[account->access_serial % STATE_ACCESS_TOKENS];
	const struct world *world = &simulator->setup.world;
	char access[WORLD_TOKEN_SIZE], refresh[WORLD_TOKEN_SIZE];
	struct world_account description;

	state_describe_account(&simulator->state, number, &description);
	world_token(world, WORLD_TOKEN_ACCESS, number, account->access_serial, access);
	world_token(world, WORLD_TOKEN_REFRESH, number, account->refresh_serial, refresh);
	call_begin_json(call, 200);
	text_append_format(&call->reply,
		"{\"number\":%u,\"open_id\":\"%s\",\"revoked\":%s,\"rotations\":%u,\"refreshes\":%u,",
		number, description.open_id, account->revoked ? "true" : "false",
		account->rotations, account->refreshes);
	text_append_format(&call->reply,
		"\"access_token\":\"%s\",\"access_expires_at_ms\":%lld,\"refresh_token\":\"%s\","
		"\"refresh_expires_at_ms\":%lld,\"public_videos\":%lld,\"scope\":\"",
		access, (long long)newest->expires_at_ms, refresh,
		(long long)account->refresh_expires_at_ms, (long long)description.public_videos);
	scopes_write(account->scopes, &call->reply);
	text_append(&call->reply, "\",\"changed_videos\":[");
	write_changes(simulator, account, number, &call->reply);
	text_append(&call->reply, "]}\n");
}

/*
 * An order: what the member of the request's body says about this account. False: the value is none
 * for it.
 */
struct order {
	struct simulator *simulator;
	uint32_t number;
	struct account_state *account;
	struct json_object *value;
};

static bool order_is_true(const struct order *order)
{
	return json_object_is_type(order->value, json_type_boolean) &&
	       json_object_get_boolean(order->value);
}

static bool order_text(const struct order *order, const char **text)
{
	*text = json_object_get_string(order->value);
	return json_object_is_type(order->value, json_type_string);
}

static bool obey_revoke(const struct order *order)
{
	order->account->revoked = true;
	return order_is_true(order);
}

static bool obey_restore(const struct order *order)
{
	order->account->revoked = false;
	order->account->scopes = SCOPES_ALL;
	return order_is_true(order);
}

static bool obey_drop_scope(const struct order *order)
{
	const char *list;
	unsigned scopes;

	if (!order_text(order, &list) || !scopes_read(list, &scopes))
		return false;
	order->account->scopes &= ~scopes;
	return true;
}

static bool obey_expire_access(const struct order *order)
{
	state_kill_access(order->account);
	return order_is_true(order);
}

static bool obey_expire_refresh(const struct order *order)
{
	order->account->refresh_expires_at_ms = simulator_now_ms(order->simulator);
	return order_is_true(order);
}

/* As if somebody else had refreshed: the refresh token that clients hold is superseded. */
static bool obey_rotate(const struct order *order)
{
	order->account->refresh_serial++;
	order->account->rotations++;
	order->account->rotated_at_ms = simulator_now_ms(order->simulator);
	return order_is_true(order);
}

static bool set_visibility(const struct order *order, enum visibility visibility)
{
	struct state *state = &order->simulator->state;
	const char *id;
	uint32_t video;

	if (!order_text(order, &id) ||
		!state_find_video(state, order->number, strtoull(id, NULL, 10), &video))
		return false;
	state_change_video(state, order->number, video)->visibility = visibility;
	return true;
}

static bool obey_hide_video(const struct order *order)
{
	return set_visibility(order, VIDEO_PRIVATE);
}

static bool obey_show_video(const struct order *order)
{
	return set_visibility(order, VIDEO_PUBLIC);
}

static bool obey_delete_video(const struct order *order)
{
	return set_visibility(order, VIDEO_DELETED);
}

static bool obey_post_video(const struct order *order)
{
	struct json_object *title, *create_time;
	int64_t create_time_s = simulator_now_ms(order->simulator) / 1000;

	if (!json_object_is_type(order->value, json_type_object) ||
		!json_object_object_get_ex(order->value, "title", &title) ||
		!json_object_is_type(title, json_type_string))
		return false;
	if (json_object_object_get_ex(order->value, "create_time", &create_time))
		create_time_s = json_object_get_int64(create_time);
	if (create_time_s < 4 || create_time_s > INT32_MAX)
		return false;
	state_post_video(&order->simulator->state, order->number, json_object_get_string(title),
		create_time_s);
	return true;
}

static bool obey_view_count(const struct order *order)
{
	struct state *state = &order->simulator->state;
	struct json_object *id, *count;
	uint32_t video;

	if (!json_object_is_type(order->value, json_type_object) ||
		!json_object_object_get_ex(order->value, "id", &id) ||
		!json_object_object_get_ex(order->value, "view_count", &count) ||
		!state_find_video(state, order->number,
			strtoull(json_object_get_string(id), NULL, 10), &video))
		return false;
	state_change_video(state, order->number, video)->view_count = json_object_get_int64(count);
	return true;
}

static bool set_count(const struct order *order, int64_t *count)
{
	if (!json_object_is_type(order->value, json_type_int))
		return false;
	*count = json_object_get_int64(order->value);
	return true;
}

static bool obey_follower_count(const struct order *order)
{
	return set_count(order, &order->account->counts.follower_count);
}

static bool obey_following_count(const struct order *order)
{
	return set_count(order, &order->account->counts.following_count);
}

static bool obey_likes_count(const struct order *order)
{
	return set_count(order, &order->account->counts.likes_count);
}

static const struct {
	const char *name;
	bool (*obey)(const struct order *order);
} orders[] = {
	{"revoke", obey_revoke},
	{"restore", obey_restore},
	{"drop_scope", obey_drop_scope},
	{"expire_access", obey_expire_access},
	{"expire_refresh", obey_expire_refresh},
	{"rotate", obey_rotate},
	{"hide_video", obey_hide_video},
	{"show_video", obey_show_video},
	{"delete_video", obey_delete_video},
	{"post_video", obey_post_video},
	{"view_count", obey_view_count},
	{"follower_count", obey_follower_count},
	{"following_count", obey_following_count},
	{"likes_count", obey_likes_count},
};

static bool obey(const struct order *order, const char *name)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (strcmp(orders[i].name, name) == 0)
			return orders[i].obey(order);
	}
	return false;
}

void admin_change_account(struct simulator *simulator, struct call *call, uint32_t number)
{
	struct json_object *document = json_tokener_parse(text_string(&call->body));
	struct order order = {.simulator = simulator,
		.number = number,
		.account = state_account(&simulator->state, number)};

	if (!json_object_is_type(document, json_type_object)) {
		admin_refuse(call, "the body is not a JSON object of orders");
		goto out;
	}
	json_object_object_foreach(document, name, value)
	{
		order.value = value;
		if (!obey(&order, name)) {
			admin_refuse(call, "an order is unknown, or its value is none for it");
			goto out;
		}
	}
	admin_show_account(simulator, call, number);
out:
	json_object_put(document);
}
