/* SPDX-License-Identifier: MIT */
/*
 * tiktok-sim-seed: connects the simulator's accounts to stores. Account number n of the world
 * becomes the one account of store <prefix>-<n + 1>, with its first tokens in cells under
 * TOKEN_ENC_KEY, as if the merchant had just consented. What is there already stays as it is, so a
 * second run adds nothing. One thread.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/db.h"
#include "common/log.h"
#include "common/process.h"
#include "common/text.h"
#include "common/token_cipher.h"
#include "tests/simulator/world.h"

#define NO_PROGRAM ((enum program)0) /* no statement is prepared */

#define ACCOUNTS_MAX     10000000
#define ACCOUNTS_A_BATCH 1000
#define PREFIX_SIZE      33 /* with a dash and eight digits it fits stores.store_code */
#define STORE_CODE_SIZE  51

/* Lives of the simulator's first tokens, by its knob token_profile=2026. */
#define ACCESS_LIFE_S  7200
#define REFRESH_LIFE_S 15552000

enum errand { ERRAND_SEED, ERRAND_EXPECT, ERRAND_HELP, ERRAND_VERSION };

struct seeding {
	enum errand errand;
	struct world world;
	char prefix[PREFIX_SIZE];
	int64_t since_s;
};

static const char *const pic_names[] = {
	"Nguyễn Văn An",
	"Trần Thị Bình",
	"Lê Minh Châu",
	"Phạm Quốc Dũng",
	"Hoàng Thu Hà",
	"Vũ Đức Khánh",
	"Đặng Ngọc Lan",
	"Bùi Thanh Mai",
};
#define PIC_NAMES (sizeof(pic_names) / sizeof(pic_names[0]))

static void write_store_code(
	const struct seeding *seeding, uint32_t account, char store_code[STORE_CODE_SIZE])
{
	snprintf(store_code, STORE_CODE_SIZE, "%s-%04u", seeding->prefix, account + 1);
}

/* Nothing here needs quoting: the prefix is checked, tokens are base64, the rest is written by us. */
static void append_row(const struct seeding *seeding, const struct token_cipher *cipher,
	uint32_t number, struct text *sql)
{
	char access[WORLD_TOKEN_SIZE], refresh[WORLD_TOKEN_SIZE], store_code[STORE_CODE_SIZE];
	struct world_account account;

	world_account(&seeding->world, number, &account);
	world_token(&seeding->world, WORLD_TOKEN_ACCESS, number, 1, access);
	world_token(&seeding->world, WORLD_TOKEN_REFRESH, number, 1, refresh);
	write_store_code(seeding, number, store_code);
	text_append_format(sql, "('%s', 'Store %u', '%s', '%s@example.invalid', '%s', '%s', '",
		store_code, number + 1, pic_names[number % PIC_NAMES], store_code, account.open_id,
		account.scope);
	token_cipher_seal(cipher, store_code, account.open_id, TOKEN_ACCESS, access, sql);
	text_append(sql, "', '");
	token_cipher_seal(cipher, store_code, account.open_id, TOKEN_REFRESH, refresh, sql);
	text_append(sql, "')");
}

/*
 * One statement for a batch: the stores and their accounts come together or not at all. What is
 * there is left out, not only refused: an INSERT that runs into a conflict uses up an id all the
 * same.
 */
static void write_batch(const struct seeding *seeding, const struct token_cipher *cipher,
	uint32_t from, uint32_t to, struct text *sql)
{
	text_clear(sql);
	text_append(sql, "WITH given (store_code, store_name, pic_name, pic_contact, open_id, "
			 "scope, access, refresh) AS (VALUES ");
	for (uint32_t number = from; number < to; number++) {
		if (number > from)
			text_append(sql, ", ");
		append_row(seeding, cipher, number, sql);
	}
	text_append(sql, "), new_stores AS ("
			 "INSERT INTO stores (store_code, store_name, pic_name, pic_contact) "
			 "SELECT store_code, store_name, pic_name, pic_contact FROM given "
			 "ON CONFLICT DO NOTHING), "
			 "new_accounts AS (INSERT INTO store_accounts (store_code, open_id, scope, "
			 "encrypted_access_token, encrypted_refresh_token, "
			 "token_expires_at, refresh_token_expires_at) ");
	text_append_format(sql,
		"SELECT store_code, open_id, scope, access, refresh, "
		"to_timestamp(%lld), to_timestamp(%lld) FROM given g WHERE NOT EXISTS (SELECT "
		"FROM store_accounts a WHERE (a.store_code, a.open_id) = (g.store_code, g.open_id)) "
		"ON CONFLICT DO NOTHING RETURNING id) SELECT count(*) FROM new_accounts",
		(long long)seeding->since_s + ACCESS_LIFE_S,
		(long long)seeding->since_s + REFRESH_LIFE_S);
}

static bool insert_accounts(const struct seeding *seeding, const struct token_cipher *cipher,
	struct db *db, int64_t *added, struct error *err)
{
	uint32_t accounts = seeding->world.accounts;
	struct text sql = {0};
	bool ok = true;

	*added = 0;
	for (uint32_t from = 0; from < accounts && ok; from += ACCOUNTS_A_BATCH) {
		uint32_t left = accounts - from;
		uint32_t to = left > ACCOUNTS_A_BATCH ? from + ACCOUNTS_A_BATCH : accounts;
		struct db_result *result = NULL;

		write_batch(seeding, cipher, from, to, &sql);
		ok = db_run_script(db, text_string(&sql), &result, err);
		if (ok)
			*added += db_integer(result, 0, 0);
		db_result_destroy(result);
	}
	text_finish(&sql);
	return ok;
}

static bool seed(const struct seeding *seeding, const struct config *config, struct error *err)
{
	struct token_cipher *cipher = NULL;
	struct db *db = NULL;
	int64_t added;
	bool ok = false;

	if (!token_cipher_create(config->token_enc_key, NULL, &cipher, err))
		goto out;
	if (!db_open(config->database_url, NO_PROGRAM, config->db_logging, &db, err))
		goto out;
	if (!insert_accounts(seeding, cipher, db, &added, err))
		goto out;
	printf("%u stores with one account each, %lld of them new\n", seeding->world.accounts,
		(long long)added);
	ok = true;
out:
	db_close(db);
	token_cipher_destroy(cipher);
	return ok;
}

/*
 * syncctl's settings: to it all of them are optional, so what this program cannot do without is
 * asked for here.
 */
static enum exit_code load_and_seed(const struct seeding *seeding)
{
	struct config config;
	struct text faults = {0};
	struct error err;
	enum exit_code status = EXIT_USAGE;

	process_prepare();
	if (config_load(&config, PROGRAM_OPERATOR, &faults)) {
		if (!config.database_url)
			text_append(&faults, "DATABASE_URL is not set\n");
		if (!config.token_enc_key)
			text_append(&faults, "TOKEN_ENC_KEY is not set\n");
	}
	if (faults.length > 0) {
		fputs(text_string(&faults), stderr);
		goto out;
	}
	log_open("tiktok-sim-seed", config.log_level, config.log_format);
	status = seed(seeding, &config, &err) ? EXIT_DONE : EXIT_FAILED;
	if (status == EXIT_FAILED)
		fprintf(stderr, "tiktok-sim-seed: %s\n", err.text);
out:
	config_finish(&config);
	text_finish(&faults);
	return status;
}

static enum exit_code expect(const struct seeding *seeding)
{
	for (uint32_t number = 0; number < seeding->world.accounts; number++) {
		char store_code[STORE_CODE_SIZE];
		struct world_account account;

		world_account(&seeding->world, number, &account);
		write_store_code(seeding, number, store_code);
		printf("%s\t%s\t%lld\n", store_code, account.open_id,
			(long long)account.public_videos);
	}
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static enum exit_code print_help(void)
{
	puts("Usage: tiktok-sim-seed [OPTION]...\n"
	     "\n"
	     "Connects accounts of tiktok-sim to stores: inserts what is missing into stores and\n"
	     "store_accounts of DATABASE_URL, tokens encrypted with TOKEN_ENC_KEY. The first five options\n"
	     "say which world it is; give them as to tiktok-sim.\n"
	     "\n"
	     "  --accounts N          how many accounts, from the first one on [300]\n"
	     "  --seed N              the world's seed [1]\n"
	     "  --client-key KEY      the app's key [sbsimclientkey]\n"
	     "  --videos-average N    videos of an account on average [50]\n"
	     "  --videos-each N       exactly so many in every account; 0: as --videos-average [0]\n"
	     "  --prefix WORD         of the stores' codes: demo-0001, demo-0002... [demo]\n"
	     "  --since SECONDS       Unix time at which the tokens' lives began: tiktok-sim's start [now]\n"
	     "  --expect              insert nothing; print what the snapshots must hold, a line for each\n"
	     "                        account: store code, open id, public videos, separated by tabs\n"
	     "  --help, --version");
	return EXIT_DONE;
}

static bool read_number(const char *text, uint64_t maximum, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return isdigit((unsigned char)*text) && *end == '\0' && errno == 0 && *number <= maximum;
}

static bool read_count(const char *text, uint32_t *count)
{
	uint64_t number;

	if (!read_number(text, ACCOUNTS_MAX, &number))
		return false;
	*count = (uint32_t)number;
	return true;
}

static bool read_prefix(const char *text, char prefix[PREFIX_SIZE])
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789._-");

	if (length == 0 || length >= PREFIX_SIZE || text[length] != '\0')
		return false;
	memcpy(prefix, text, length + 1);
	return true;
}

static bool read_client_key(const char *text, struct world *world)
{
	if (*text == '\0' || strlen(text) >= WORLD_KEY_SIZE)
		return false;
	world_set_client_key(world, text);
	return true;
}

static bool read_since(const char *text, int64_t *since_s)
{
	uint64_t number;

	if (!read_number(text, INT32_MAX, &number))
		return false;
	*since_s = (int64_t)number;
	return true;
}

static bool read_option(int option, const char *value, struct seeding *seeding)
{
	switch (option) {
	case 'a':
		return read_count(value, &seeding->world.accounts) && seeding->world.accounts > 0;
	case 's':
		return read_number(value, UINT64_MAX, &seeding->world.seed);
	case 'k':
		return read_client_key(value, &seeding->world);
	case 'v':
		return read_count(value, &seeding->world.videos_average);
	case 'e':
		return read_count(value, &seeding->world.videos_each);
	case 'p':
		return read_prefix(value, seeding->prefix);
	case 't':
		return read_since(value, &seeding->since_s);
	case 'x':
		seeding->errand = ERRAND_EXPECT;
		return true;
	case 'h':
		seeding->errand = ERRAND_HELP;
		return true;
	case 'V':
		seeding->errand = ERRAND_VERSION;
		return true;
	default:
		return false;
	}
}

static bool read_options(int argc, char **argv, struct seeding *seeding)
{
	static const struct option options[] = {
		{"accounts", required_argument, NULL, 'a'},
		{"seed", required_argument, NULL, 's'},
		{"client-key", required_argument, NULL, 'k'},
		{"videos-average", required_argument, NULL, 'v'},
		{"videos-each", required_argument, NULL, 'e'},
		{"prefix", required_argument, NULL, 'p'},
		{"since", required_argument, NULL, 't'},
		{"expect", no_argument, NULL, 'x'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int option, place = 0;

	while ((option = getopt_long(argc, argv, "", options, &place)) != -1) {
		if (read_option(option, optarg, seeding))
			continue;
		if (option != '?')
			fprintf(stderr, "tiktok-sim-seed: --%s cannot be \"%s\"\n",
				options[place].name, optarg);
		return false;
	}
	if (optind < argc)
		fprintf(stderr, "tiktok-sim-seed: unexpected argument %s\n", argv[optind]);
	return optind == argc;
}

int main(int argc, char **argv)
{
	struct seeding seeding = {.prefix = "demo", .since_s = clock_unix_us() / 1000000};

	world_init(&seeding.world);
	seeding.world.accounts = 300;
	if (!read_options(argc, argv, &seeding))
		return EXIT_USAGE;
	switch (seeding.errand) {
	case ERRAND_SEED:
		return (int)load_and_seed(&seeding);
	case ERRAND_EXPECT:
		return (int)expect(&seeding);
	case ERRAND_HELP:
		return (int)print_help();
	case ERRAND_VERSION:
		puts("tiktok-sim-seed " STORESYNC_VERSION);
		return EXIT_DONE;
	}
	return EXIT_FAILED;
}
