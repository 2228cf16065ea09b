/* The unit in which the programs of tasks are looked at: see launch.h.
 *
 * A program that only says its version may run others before, by what it finds in its home (kubectl asks for
 * credentials so), where tasks write: in the system it is fenced in like them. A user's tasks are their owner. */
#include "launch-internal.h"

#include <remote-developer/strings.h>
#include <remote-developer/user.h>

/* All programs have a limit of their own, of which this is the sum, about: see doctor-programs.c. */
#define PROBE_LIMIT_USEC (90 * USEC_PER_SEC)
#define PROBE_LIMIT "RuntimeMaxSec=80"

#define WORDS_MAX 40

typedef struct ProbeWords {
        const char *argv[WORDS_MAX];
        size_t n;
} ProbeWords;

static void add_word(ProbeWords *w, const char *word) {
        if (word)
                w->argv[w->n++] = word;
}

/* What unit-sandbox.c has for `standard`, in the words of systemd-run. */
static const char *const fence[] = {
        "--slice=remotedeveloper.slice", "--property=NoNewPrivileges=yes", "--property=RestrictSUIDSGID=yes",
        "--property=PrivateUsers=yes", "--property=PrivateTmp=yes", "--property=ProtectSystem=strict",
        "--property=InaccessiblePaths=-/run/user", "--property=ProtectKernelModules=yes",
        "--property=ProtectKernelLogs=yes", "--property=OOMScoreAdjust=300",
        "--property=SystemCallFilter=~@clock @cpu-emulation @module @obsolete @raw-io @reboot @swap",
        "--property=SystemCallErrorNumber=EPERM",
};

/* The home is written in as it is by tasks; one whose name systemd would take for something else is not. */
static char *writable_home(const char *user) {
        _cleanup_free_ char *home = NULL;

        if (user_find_home(user, &home) < 0 || !launch_path_is_plain(home))
                return NULL;
        return string_format("--property=ReadWritePaths=-%s", home);
}

/* Without the two lines in the journal with each look: they are of level info. */
static void add_unit_words(RuntimeScope scope, const char *user, const char *home, ProbeWords *w) {
        static const char *const words[] = { "--quiet", "--wait", "--pipe", "--collect", "--service-type=exec",
                                             "--property=LogLevelMax=notice", ("--property=" PROBE_LIMIT), NULL };

        add_word(w, "systemd-run");
        add_word(w, scope == RUNTIME_SCOPE_SYSTEM ? "--system" : "--user");
        for (size_t i = 0; words[i]; i++)
                add_word(w, words[i]);
        for (size_t i = 0; scope == RUNTIME_SCOPE_SYSTEM && i < ELEMENTSOF(fence); i++)
                add_word(w, fence[i]);
        add_word(w, user);
        add_word(w, home);
        add_word(w, "--");
}

int launch_probe(sd_event *event, const LaunchProbe *p, ProgramEnded ended, void *userdata, ProgramRun **ret) {
        _cleanup_free_ char *user = NULL, *home = NULL, *config = NULL;
        ProbeWords words = {};

        if (p->scope == RUNTIME_SCOPE_SYSTEM && !(user = string_format("--property=User=%s", p->user)))
                return -ENOMEM;
        if (p->scope == RUNTIME_SCOPE_SYSTEM)
                home = writable_home(p->user);
        if (p->config_file && !(config = string_format("--config=%s", p->config_file)))
                return -ENOMEM;
        if (!p->as_self)
                add_unit_words(p->scope, user, home, &words);
        add_word(&words, p->program);
        add_word(&words, p->scope == RUNTIME_SCOPE_SYSTEM ? "--system" : "--user");
        add_word(&words, config);
        add_word(&words, "--probe");
        return program_run_new(event, words.argv, PROBE_LIMIT_USEC, ended, userdata, ret);
}
