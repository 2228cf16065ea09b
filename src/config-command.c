/* remote-developerd --check-config: see config-command.h. Beside the file itself it looks at what systemd was told of
 * the sockets: those that others than this machine can reach need more than a line in a drop-in. */
#include "config-command.h"
#include "front.h"

#include <remote-developer/listener.h>
#include <remote-developer/service-units.h>
#include <remote-developer/tls-identity.h>
#include <remote-developer/token-file.h>

#include <stdio.h>

typedef struct Check {
        const Config *config;
        const char *state_directory;
        const ServiceUnits *units;
        const char *address; /* one that others can reach */
        bool failed;
} Check;

static void tell(const char *sentence) {
        fprintf(stderr, "remote-developerd: %s\n", sentence);
}

static void fail(Check *c, const char *cause, const char *remedy) {
        fprintf(stderr, "remote-developerd: remote-developer.socket listens on %s, and " FRONT_BEYOND ": %s%s%s\n",
                c->address, cause, *remedy ? "; " : "", remedy);
        c->failed = true;
}

/* Those that systemd sets or decrypts are checked by the service alone. */
static void check_identity(Check *c) {
        _cleanup_(tls_identity_freep) TlsIdentity *identity = NULL;
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        const char *certificate = service_units_credential(c->units, TLS_CERTIFICATE);
        const char *key = service_units_credential(c->units, TLS_KEY);
        char sentence[TLS_SENTENCE_SIZE] = "";

        if (!certificate || !key) {
                fail(c, FRONT_NO_CERTIFICATE, FRONT_GIVE_CERTIFICATE);
                return;
        }
        if (!*certificate || !*key)
                return;
        if (tls_identity_read(certificate, key, &identity, &problem) < 0) {
                fail(c, problem_sentence(&problem), "");
                return;
        }
        (void) tls_identity_look(identity, clock_realtime_usec(), sentence);
        if (*sentence)
                tell(sentence);
}

static void check_tokens(Check *c) {
        _cleanup_(token_file_freep) TokenFile *tokens = NULL;

        if (token_file_new(c->state_directory, &tokens) < 0)
                return;
        if (token_file_fault(tokens))
                fail(c, token_file_fault(tokens), "");
        else if (token_file_look(tokens)->n == 0)
                fail(c, FRONT_NO_TOKEN, FRONT_MAKE_TOKEN);
}

static void check_the_way(const Check *c) {
        if (c->units->hears_machine_only)
                tell("What is sent from elsewhere does not reach the service: give remote-developer.service "
                     "IPAddressAllow= with the addresses that may, or any");
        if (!c->config->hosts || !*c->config->hosts)
                tell("connection.hosts is empty, so that requests to any name but localhost are refused: list the "
                     "names of this machine there");
}

static void check_sockets(Check *c) {
        for (char *const *address = c->units->listen; address && *address && !c->address; address++)
                if (!listener_is_local(*address))
                        c->address = *address;
        if (c->units->is_stale)
                tell("systemd has not read the units again since they were changed, and what it knows was checked: "
                     "say \"systemctl daemon-reload\" before");
        if (!c->address)
                return;
        check_identity(c);
        check_tokens(c);
        check_the_way(c);
}

bool config_command_check(const Options *options, const Config *config, const char *state_directory) {
        _cleanup_(service_units_done) ServiceUnits units = SERVICE_UNITS_NULL;
        Check c = { .config = config, .state_directory = state_directory, .units = &units };
        int r = service_units_read(options->scope, &units);

        if (r >= 0)
                check_sockets(&c);
        else
                fprintf(stderr, "remote-developerd: The configuration is right; which sockets are opened could not be "
                        "asked of systemd: %s\n", strerror(-r));
        return !c.failed;
}
