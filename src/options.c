/* The command line of remote-developerd. One row an option: what getopt_long(3) needs and the line of --help. */
#include "options.h"

#include <remote-developer/config.h>
#include <remote-developer/strings.h>
#include <remote-developer/version.h>

#include <getopt.h>
#include <stdio.h>
#include <syslog.h>

enum {
        OPTION_SYSTEM = 256,
        OPTION_USER,
        OPTION_CONFIG,
        OPTION_STATE_DIRECTORY,
        OPTION_LISTEN,
        OPTION_CHECK_CONFIG,
        OPTION_DOCTOR,
        OPTION_PROBE,
        OPTION_NEW_TOKEN,
        OPTION_SCOPE,
        OPTION_EXPIRES,
        OPTION_LIST_TOKENS,
        OPTION_REVOKE_TOKEN,
        OPTION_LOG_LEVEL,
        OPTION_HELP,
        OPTION_VERSION,
};

static const struct {
        struct option option;
        const char *argument, *help;
} rows[] = {
        { { "system", no_argument, NULL, OPTION_SYSTEM }, "", "work with the system's manager (default for root)" },
        { { "user", no_argument, NULL, OPTION_USER }, "", "work with the user's own manager (default for others)" },
        { { "config", required_argument, NULL, OPTION_CONFIG }, "=FILE", "read this configuration" },
        { { "state-directory", required_argument, NULL, OPTION_STATE_DIRECTORY }, "=DIR",
                        "keep the tasks' files here" },
        { { "listen", required_argument, NULL, OPTION_LISTEN }, "=ADDRESS",
                        "listen on 127.0.0.1:PORT or on a unix socket's path; may be repeated" },
        { { "check-config", no_argument, NULL, OPTION_CHECK_CONFIG }, "",
                        "read the configuration and what systemd knows of the sockets, say what is wrong, exit" },
        { { "doctor", no_argument, NULL, OPTION_DOCTOR }, "",
                        "look for what is missing, say what to type, exit" },
        { { "probe", no_argument, NULL, OPTION_PROBE }, "",
                        "what --doctor runs as a task would: one line of JSON" },
        { { "new-token", required_argument, NULL, OPTION_NEW_TOKEN }, "=NAME",
                        "make a token for the API, print it, exit" },
        { { "scope", required_argument, NULL, OPTION_SCOPE }, "=SCOPE",
                        "what it may do: read, run or admin" },
        { { "expires", required_argument, NULL, OPTION_EXPIRES }, "=TIME",
                        "when it ends: 12h, 90d (the default), never" },
        { { "list-tokens", no_argument, NULL, OPTION_LIST_TOKENS }, "", "show names, scopes and ends, exit" },
        { { "revoke-token", required_argument, NULL, OPTION_REVOKE_TOKEN }, "=NAME",
                        "take a token back, exit" },
        { { "log-level", required_argument, NULL, OPTION_LOG_LEVEL }, "=LEVEL",
                        "debug, info, notice, warning or err" },
        { { "help", no_argument, NULL, OPTION_HELP }, "", "show this help and exit" },
        { { "version", no_argument, NULL, OPTION_VERSION }, "", "show the version and exit" },
};

static void print_help(void) {
        printf("remote-developerd [OPTIONS...]\n\n"
               "Run long tasks as systemd units, through a REST API on 127.0.0.1:15001.\n\nOptions:\n");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char name[48];

                snprintf(name, sizeof(name), "--%s%s", rows[i].option.name, rows[i].argument);
                printf("  %-24s %s\n", name, rows[i].help);
        }
        printf("\nConfiguration (long_running_tasks.yaml):\n");
        config_print_keys(stdout);
        printf("\nSee remote-developerd(8).\n");
}

static int set_log_level(const char *level, Options *o) {
        static const char *const levels[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
        int priority = string_table_lookup(levels, ELEMENTSOF(levels), level);

        if (priority < LOG_ERR) {
                fprintf(stderr, "remote-developerd: --log-level is debug, info, notice, warning or err, not \"%s\"\n",
                                level);
                return -EINVAL;
        }
        o->log_priority = priority;
        return 1;
}

static int add_listen(const char *address, Options *o) {
        if (o->n_listen == OPTIONS_LISTEN_MAX) {
                fprintf(stderr, "remote-developerd: --listen may be given %d times\n", OPTIONS_LISTEN_MAX);
                return -E2BIG;
        }
        o->listen[o->n_listen++] = address;
        return 1;
}

static int take_option(int option, Options *o) {
        switch (option) {
        case OPTION_SYSTEM:
                o->scope = RUNTIME_SCOPE_SYSTEM;
                return 1;
        case OPTION_USER:
                o->scope = RUNTIME_SCOPE_USER;
                return 1;
        case OPTION_CONFIG:
                o->config = optarg;
                return 1;
        case OPTION_STATE_DIRECTORY:
                o->state_directory = optarg;
                return 1;
        case OPTION_LISTEN:
                return add_listen(optarg, o);
        case OPTION_CHECK_CONFIG:
                o->check_config = true;
                return 1;
        case OPTION_DOCTOR:
                o->doctor = true;
                return 1;
        case OPTION_PROBE:
                o->probe = true;
                return 1;
        case OPTION_NEW_TOKEN:
                o->new_token = optarg;
                return 1;
        case OPTION_SCOPE:
                o->token_scope = optarg;
                return 1;
        case OPTION_EXPIRES:
                o->expires = optarg;
                return 1;
        case OPTION_LIST_TOKENS:
                o->list_tokens = true;
                return 1;
        case OPTION_REVOKE_TOKEN:
                o->revoke_token = optarg;
                return 1;
        case OPTION_LOG_LEVEL:
                return set_log_level(optarg, o);
        case OPTION_HELP:
                print_help();
                return 0;
        case OPTION_VERSION:
                printf("remote-developerd %s\n", REMOTE_DEVELOPER_VERSION);
                return 0;
        default:
                return -EINVAL; /* getopt_long() has said why */
        }
}

int options_parse(int argc, char *argv[], Options *ret) {
        Options o = { .scope = getuid() == 0 ? RUNTIME_SCOPE_SYSTEM : RUNTIME_SCOPE_USER, .log_priority = LOG_INFO };
        struct option long_options[ELEMENTSOF(rows) + 1] = {};
        int option, r;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                long_options[i] = rows[i].option;
        while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
                r = take_option(option, &o);
                if (r <= 0)
                        return r;
        }
        if (optind < argc) {
                fprintf(stderr, "remote-developerd: unexpected argument \"%s\"; see --help\n", argv[optind]);
                return -EINVAL;
        }
        *ret = o;
        return 1;
}
