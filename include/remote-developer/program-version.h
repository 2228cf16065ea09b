/* ProgramVersion: what a program says when it is asked for its version, as numbers that can be compared.
 */
#pragma once

#include <remote-developer/macros.h>

#define PROGRAM_VERSION_NUMBERS 3

/* Numbers that are not given are 0. */
typedef struct ProgramVersion {
        unsigned numbers[PROGRAM_VERSION_NUMBERS];
} ProgramVersion;

/* The first word that begins with a digit, or with "v" and a digit: "git version 2.39.5", "2.1.236 (Claude Code)",
 * "systemd 252 (252.39-1~deb12u2)", "v0.5.20". -EINVAL: there is none. */
int program_version_parse(const char *text, ProgramVersion *ret);

/* Less than, equal to or greater than 0, as strcmp(). */
int program_version_compare(const ProgramVersion *a, const ProgramVersion *b);

/* "2.39.5", "252": without the zeros at the end. */
#define PROGRAM_VERSION_TEXT_SIZE 40
const char *program_version_format(const ProgramVersion *v, char buffer[static PROGRAM_VERSION_TEXT_SIZE]);
