/* script/number.h - numbers as templates reckon with them: whole ones of 64 bits, else doubles.
 *
 * What a number is in a text, JSON's grammar says (RFC 8259 s.6), to the letter: 007, +1 and 1. are
 * none. Nothing is allocated. What cannot be reckoned is NUMBER_NONE, and so is whatever comes of
 * it.
 */
#ifndef TB_SCRIPT_NUMBER_H
#define TB_SCRIPT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum number_kind { NUMBER_NONE, NUMBER_WHOLE, NUMBER_REAL };

struct number {
    enum number_kind kind;
    union {
        int64_t whole;
        double real; /* finite */
    };
};

/* What number_write() needs, and the longest text that number_read() takes for a real one. */
enum { NUMBER_TEXT_MAX = 32, NUMBER_SIZE_MAX = 400 };

/* Whether p[0..n) is a number and nothing else. */
bool number_is_text(const void *p, size_t n);

/* NUMBER_NONE also where it is larger than a double holds, or longer than NUMBER_SIZE_MAX. A whole
 * one beyond 64 bits is real. */
struct number number_read(const void *p, size_t n);

struct number number_whole(int64_t x);
struct number number_real(double x); /* NUMBER_NONE if it is not finite */

/* Its value as a double; 0 of none. */
double number_as_real(struct number x);

struct number number_negate(struct number x);

/* a op b, where op is one of + - * / %. Whole where both are and the result is and fits; else real.
 * Of % the sign is that of a. A division by zero is NUMBER_NONE. */
struct number number_reckon(char op, struct number a, struct number b);

/* Writes it into text, terminated, and returns its length: 0 of none. Of a real one as few digits
 * as give it back when they are read, and an exponent only below 0.000001 and from 10^21 on. */
size_t number_write(struct number x, char text[NUMBER_TEXT_MAX]);

/* Compares two texts that are numbers, exactly, whatever their size: below, 0, or above 0. */
int number_compare_texts(const void *a, size_t an, const void *b, size_t bn);

#endif
