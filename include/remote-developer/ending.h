/* Ending: how a unit's main process and the unit itself ended, in systemd's own words, whoever told it: the
 * recorder, the unit's properties or the journal.
 *
 * The recorder is the first ExecStopPost= command of every task's unit. It writes what systemd put in its
 * environment (systemd.exec(5), "$SERVICE_RESULT, $EXIT_CODE, $EXIT_STATUS") as lines KEY=value into
 * "<id>.result". The same functions write and read that file.
 */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/clock.h>

#include <sys/types.h>

#define ENDING_WORD_SIZE 32
#define ENDING_FILE_SIZE_MAX 4096

typedef struct Ending {
        char service_result[ENDING_WORD_SIZE]; /* success, exit-code, signal, core-dump, timeout, oom-kill, ... */
        char exit_code[ENDING_WORD_SIZE];      /* exited, killed, dumped; empty: the main process never ran */
        char exit_status[ENDING_WORD_SIZE];    /* "0".."255" or a signal name without SIG */
        char invocation_id[ID128_TEXT_SIZE];
        char boot_id[ID128_TEXT_SIZE];
        char manager_state[ENDING_WORD_SIZE]; /* "stopping": the machine or the user manager was going down */
        usec_t ended_at;
        usec_t ended_at_boottime; /* clock_boottime_usec() in the boot `boot_id`; 0: not known */
} Ending;

/* Where the recorder writes when the state directory cannot be written: in the runtime directory of root (the system's
 * service) or of the user, which is memory. Fresh memory or NULL. */
char *ending_spill_directory(uid_t uid);

int ending_to_text(const Ending *e, Buffer *to);

/* -EBADMSG when the required lines (SERVICE_RESULT, INVOCATION_ID) are not there: a torn or foreign file. */
int ending_from_text(const char *text, Ending *ret);

/* As ending_from_text(), from the environment that systemd gives to ExecStopPost=. */
int ending_from_environment(Ending *ret);

/* The name of a signal as systemd writes it: "TERM", "RTMIN+3". */
void ending_set_signal(char word[static ENDING_WORD_SIZE], int signal);

/* Copies a word, cut at ENDING_WORD_SIZE - 1. */
void ending_set_word(char word[static ENDING_WORD_SIZE], const char *value);
