/* SPDX-License-Identifier: MIT */
/*
 * Words, and how sentences are made of them. No state, no locks.
 */
#include "tests/simulator/phrases.h"

#include <stddef.h>

static const char *const moods[] = {
	"sunny", "quiet", "lucky", "brave", "silver", "golden", "little", "urban"};
static const char *const shops[] = {
	"bakery", "florist", "records", "sneakers", "kitchen", "cycles", "studio", "market"};
static const char *const proper_names[] = {"Sunny Bakery", "Café Müller", "Toko Bunga Melati 🌸",
	"Кофейня «Уют»", "\"The\" Sneaker Shop", "Back\\slash Records", "珍珠奶茶店 🧋",
	"O'Brien & Sons"};
static const char *const plain[] = {"Opening the shop before sunrise",
	"Three ways to fold a gift box", "Our best seller is back", "Packing orders with me",
	"Behind the scenes of the new collection", "You asked, we answered",
	"A day in the life of a small business", "Watch until the end"};
static const char *const difficult[] = {"She said \"wow\" and bought two", "C:\\shop\\new\\table",
	"First line\nsecond line\n\n\tindented fourth line", "100 % off'; DROP TABLE stores; --",
	"Family day 👨‍👩‍👧‍👦 with the whole crew 🏳️‍🌈",
	"مرحبا بكم في متجرنا الجديد", "Ünïcödé, naïveté, 日本語, ภาษาไทย, 한국어",
	"</script><b>&amp; {curly} $1 ${x} %s %n"};
static const char *const emoji[] = {"😂", "🔥", "✨", "❤️", "🎉", "👟", "🥐", "🚲"};
static const char *const tags[] = {"#smallbusiness", "#fyp", "#packing", "#unboxing", "#bakery",
	"#handmade", "#jualan", "#ordercheck"};

static const char *pick(const char *const words[8], uint64_t random)
{
	return words[random & 7];
}

void phrases_write_username(uint64_t random, uint32_t number, struct pen pen)
{
	pen_text(&pen, pick(moods, random));
	pen_text(&pen, ".");
	pen_text(&pen, pick(shops, random >> 3));
	pen_text(&pen, ".");
	pen_number(&pen, number);
}

void phrases_write_display_name(uint64_t random, uint32_t number, struct pen pen)
{
	pen_text(&pen, pick(proper_names, random >> 6));
	pen_text(&pen, " ");
	pen_number(&pen, number);
}

static void write_sentence(uint64_t random, struct pen *pen)
{
	pen_text(pen, random & 0x300 ? pick(plain, random) : pick(difficult, random));
	pen_text(pen, " ");
	pen_text(pen, pick(emoji, random >> 3));
	pen_text(pen, " ");
	pen_text(pen, pick(tags, random >> 6));
}

/* One in 16 is empty, one in 16 long, and a quarter of the others hold something difficult. */
void phrases_write_text(uint64_t random, struct pen pen)
{
	uint64_t kind = random >> 12 & 15;

	if (kind == 0)
		return;
	write_sentence(random, &pen);
	if (kind != 1)
		return;
	for (uint64_t more = 1; more < 7; more++) {
		pen_text(&pen, " ");
		write_sentence(random + more, &pen);
	}
}
