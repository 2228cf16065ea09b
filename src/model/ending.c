/* Ending: see ending.h. */
#include <remote-developer/ending.h>

#include <remote-developer/strings.h>

#include <signal.h>
#include <stdio.h>

/* Each line of the file, where it goes, and whether it comes from a variable of systemd's of that name. The others are
 * found out: a task may have variables of any name. */
static const struct {
        const char *key;
        size_t offset, size;
        bool required, variable;
} lines[] = {
        { "SERVICE_RESULT", offsetof(Ending, service_result), ENDING_WORD_SIZE, true, true },
        { "EXIT_CODE", offsetof(Ending, exit_code), ENDING_WORD_SIZE, false, true },
        { "EXIT_STATUS", offsetof(Ending, exit_status), ENDING_WORD_SIZE, false, true },
        { "INVOCATION_ID", offsetof(Ending, invocation_id), ID128_TEXT_SIZE, true, true },
        { "BOOT_ID", offsetof(Ending, boot_id), ID128_TEXT_SIZE, false, false },
        { "MANAGER_STATE", offsetof(Ending, manager_state), ENDING_WORD_SIZE, false, false },
};

static const struct {
        const char *key;
        size_t offset;
} numbers[] = {
        { "ENDED_AT_USEC", offsetof(Ending, ended_at) },
        { "ENDED_AT_BOOTTIME_USEC", offsetof(Ending, ended_at_boottime) },
};

static usec_t *number(Ending *e, size_t i) {
        return (usec_t *) ((char *) e + numbers[i].offset);
}

static char *line_value(Ending *e, size_t i) {
        return (char *) e + lines[i].offset;
}

void ending_set_word(char word[static ENDING_WORD_SIZE], const char *value) {
        snprintf(word, ENDING_WORD_SIZE, "%s", value ?: "");
}

void ending_set_signal(char word[static ENDING_WORD_SIZE], int signal) {
        const char *name = sigabbrev_np(signal);

        if (name)
                ending_set_word(word, name);
        else if (signal >= SIGRTMIN && signal <= SIGRTMAX)
                snprintf(word, ENDING_WORD_SIZE, "RTMIN+%d", signal - SIGRTMIN);
        else
                snprintf(word, ENDING_WORD_SIZE, "%d", signal);
}

int ending_to_text(const Ending *e, Buffer *to) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(lines); i++)
                r = buffer_append_format(to, "%s=%s\n", lines[i].key, line_value((Ending *) e, i));
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(numbers); i++)
                r = buffer_append_format(
                                to, "%s=%llu\n", numbers[i].key, (unsigned long long) *number((Ending *) e, i));
        return r;
}

static int check_required(Ending *e) {
        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                if (lines[i].required && !*line_value(e, i))
                        return -EBADMSG;
        return 0;
}

static bool is_key(const char *key, const char *text, size_t n) {
        return strlen(key) == n && memcmp(key, text, n) == 0;
}

static void read_line(const char *line, size_t n, Ending *e) {
        const char *equals = memchr(line, '=', n);
        size_t key_size;

        if (!equals)
                return;
        key_size = (size_t) (equals - line);
        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                if (is_key(lines[i].key, line, key_size))
                        snprintf(line_value(e, i), lines[i].size, "%.*s", (int) (n - key_size - 1), equals + 1);
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (is_key(numbers[i].key, line, key_size))
                        *number(e, i) = strtoull(equals + 1, NULL, 10);
}

int ending_from_text(const char *text, Ending *ret) {
        Ending e = {};
        const char *newline;
        int r;

        /* What has no newline was cut off: half a line is none. */
        for (; (newline = strchr(text, '\n')); text = newline + 1)
                read_line(text, (size_t) (newline - text), &e);
        r = check_required(&e);
        if (r >= 0)
                *ret = e;
        return r;
}

int ending_from_environment(Ending *ret) {
        Ending e = {};
        int r;

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                if (lines[i].variable)
                        snprintf(line_value(&e, i), lines[i].size, "%s", getenv(lines[i].key) ?: "");
        r = check_required(&e);
        if (r < 0)
                return r;
        e.ended_at = clock_realtime_usec();
        e.ended_at_boottime = clock_boottime_usec();
        *ret = e;
        return clock_boot_id(ret->boot_id);
}

char *ending_spill_directory(uid_t uid) {
        if (uid == 0)
                return strdup("/run/remote-developer/endings");
        return string_format("/run/user/%u/remote-developer/endings", (unsigned) uid);
}
