/* Strings: comparing, and vectors of strings (`char **`, ended by NULL, owned with all they hold). */
#pragma once

#include <remote-developer/macros.h>

#include <string.h>

bool string_equal(const char *a, const char *b);
bool string_is_empty(const char *s);
bool string_has_prefix(const char *s, const char *prefix);

/* Letters of ASCII, digits and "_", at least one, and no digit first. */
bool string_is_identifier(const char *s);

/* Whether one of the control characters of ASCII is in it that is not among `allowed`. */
bool string_holds_control(const char *s, const char *allowed);

/* Replaces *p by a copy of `s` (NULL allowed). 0 or -ENOMEM; on error *p is as it was. */
int string_replace(char **p, const char *s);

/* printf into fresh memory. NULL when there is none. */
char *string_format(const char *format, ...) _printf_(1, 2);

/* The row of `table` that equals `s`; -EINVAL when there is none. */
int string_table_lookup(const char *const *table, size_t n, const char *s);

/* In letters that nothing quotes, splits or expands: those of ASCII, digits and "_./-" stay, any other byte becomes
 * "=" and two hexadecimal digits. NULL when there is no memory. */
char *string_encode(const char *s);

/* Back, in place. -EINVAL where it is no such text; what `s` holds then is undefined. */
int string_decode(char *s);

/* A whole decimal number, no sign, no blanks: 0, -EINVAL or -ERANGE. */
int string_to_uint64(const char *s, uint64_t *ret);

/* The length of the valid UTF-8 sequence that the `size` > 0 bytes begin with, 0 when they begin with none (RFC 3629:
 * shortest form, no surrogates, up to U+10FFFF). */
size_t string_utf8_length(const char *s, size_t size);

/* Of the text's bytes as many as can stay if at most `max` may, so that no character is cut. */
size_t string_cut_size(const char *s, size_t size, size_t max);

/* Whether all of it is valid UTF-8. */
bool string_is_utf8(const char *s, size_t size);

size_t strv_length(char *const *v);
bool strv_contains(char *const *v, const char *s);
char **strv_free(char **v);
char **strv_erase(char **v); /* the strings are overwritten before */
int strv_append(char ***v, const char *s);
int strv_copy(char *const *v, char ***ret);
DEFINE_CLEANUP(char **, strv_free)
DEFINE_CLEANUP(char **, strv_erase)
#define _cleanup_strv_ _cleanup_(strv_freep)
