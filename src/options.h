/* What the command line of remote-developerd says. */
#pragma once

#include <remote-developer/unit-client.h>

#define OPTIONS_LISTEN_MAX 8

typedef struct Options {
        RuntimeScope scope;
        const char *config; /* borrowed from argv, as all strings here; NULL: not given */
        const char *state_directory;
        const char *listen[OPTIONS_LISTEN_MAX];
        size_t n_listen;
        const char *new_token, *token_scope, *expires, *revoke_token; /* NULL: not given */
        int log_priority;
        bool check_config, doctor, probe, list_tokens;
} Options;

/* 1: go on; 0: all was said (--help, --version); negative errno: wrong, and standard error says why. */
int options_parse(int argc, char *argv[], Options *ret);
