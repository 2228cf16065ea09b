/* The programs that tasks need, asked one after the other for their version, in the unit and as the user in which a
 * task would find them. Where a program is the work of a task the starter finds it, as it does for tasks; what those
 * run in turn is looked for in PATH. */
#include "doctor-internal.h"

#include <remote-developer/program-version.h>
#include <remote-developer/strings.h>

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PROGRAM_LIMIT_USEC (10 * USEC_PER_SEC)

/* The starter's exit status where there is no program of that name. */
#define STATUS_NOT_FOUND 203

#define WORDS_MAX 6
#define LOGIN_VARIABLES_MAX 8

typedef struct LoginCheck {
        const char *check, *program;
        const char *variables[LOGIN_VARIABLES_MAX]; /* any of them will do; ended by NULL */
        const char *directory_variable; /* says where its files are */
        const char *directory;          /* where they are else, below the home */
        const char *file;
        const char *remedy;
} LoginCheck;

typedef struct ProgramCheck {
        const char *check; /* the program, too, and the finding's name */
        const char *words[WORDS_MAX]; /* what it is asked */
        bool launched;                /* found by the starter */
        int absent;                   /* FindingState where there is none; FINDING_OK: it may well be so, and nothing
                                         is said of it */
        const char *need;             /* what it is needed for */
        const char *remedy;           /* where it is missing or too old */
        ProgramVersion least;         /* 0: it is not asked for its version, but whether it works */
        const LoginCheck *login;      /* where it is there; NULL: it needs none */
} ProgramCheck;

static const LoginCheck claude_login = {
        "login", "claude",
        { "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK",
          "CLAUDE_CODE_USE_VERTEX", NULL },
        "CLAUDE_CONFIG_DIR", ".claude", ".credentials.json", "claude auth login",
};

static const LoginCheck codex_login = {
        "codex-login", "codex", { "CODEX_API_KEY", "CODEX_ACCESS_TOKEN", NULL },
        "CODEX_HOME", ".codex", "auth.json", "codex login --device-auth",
};

static const ProgramCheck programs[] = {
        { "systemd", { "systemctl", "--version" }, false, FINDING_ERROR, "it runs the tasks", "apt install systemd",
          { { 252 } }, NULL },
        { "git", { "git", "--version" }, false, FINDING_ERROR, "tasks that are for a repository need it",
          "apt install git", { { 2, 31 } }, NULL },
        { "gh", { "gh", "--version" }, false, FINDING_WARNING, "pull requests cannot be opened without it",
          "apt install gh", { { 2 } }, NULL },
        { "claude", { "claude", "--version" }, true, FINDING_ERROR, "it is the agent of most tasks",
          "sudo npm install -g @anthropic-ai/claude-code", { { 2, 1, 236 } }, &claude_login },
        /* It writes the lines that are read here since 0.47. */
        { "codex", { "codex", "--version" }, true, FINDING_OK, "the recipe codex runs it",
          "sudo npm install -g @openai/codex", { { 0, 47 } }, &codex_login },
        { "devpod", { "devpod", "list" }, true, FINDING_OK, NULL, "devpod list", {}, NULL },
        { "kubectl", { "kubectl", "version", "--request-timeout=5s" }, true, FINDING_OK, NULL,
          "kubectl version --request-timeout=5s", {}, NULL },
};

/* --- logged in --- */

/* Of a task's environment, where the agent finds who it is. */
static const char *find_login_variable(const LoginCheck *l) {
        for (const char *const *name = l->variables; *name; name++)
                if (!string_is_empty(getenv(*name)))
                        return *name;
        return NULL;
}

static char *credentials_path(const LoginCheck *l) {
        const char *directory = getenv(l->directory_variable), *home = getenv("HOME");

        if (!string_is_empty(directory))
                return string_format("%s/%s", directory, l->file);
        return string_format("%s/%s/%s", home ?: "", l->directory, l->file);
}

/* What can be told without the network: whether there is something to log in with. A task may bring its own. */
static void look_at_login(Doctor *d, const LoginCheck *l) {
        _cleanup_free_ char *path = credentials_path(l), *remedy = NULL;
        const char *variable = find_login_variable(l);
        char sudo[128];
        struct stat st;

        if (!path)
                return;
        if (variable)
                finding_add(&d->found, l->check, FINDING_OK, NULL, "the environment of tasks has %s", variable);
        else if (stat(path, &st) == 0 && st.st_size > 0)
                finding_add(&d->found, l->check, FINDING_OK, NULL, "there is %s", path);
        else {
                remedy = string_format("%s%s", doctor_sudo(d, sudo, sizeof(sudo)), l->remedy);
                finding_add(&d->found, l->check, FINDING_WARNING, remedy,
                            "%s is not logged in (there is no %s): only tasks that bring their own key can work",
                            l->program, path);
        }
}

/* --- one program --- */

static bool is_absent(const ProgramCheck *c, const ProgramResult *result) {
        return c->launched ? result->error == 0 && result->status == STATUS_NOT_FOUND : result->error == -ENOENT;
}

/* Why it did not work, in its own words where it has any: the last line is what it gave up with. */
static void note_failure(Doctor *d, const ProgramCheck *c, const ProgramResult *result) {
        _cleanup_free_ char *text = strdup(result->output),
                            *command = string_format("%s %s", c->words[0], c->words[1]);
        char *last;

        if (!text || !command)
                return;
        while (*text && text[strlen(text) - 1] == '\n')
                text[strlen(text) - 1] = 0;
        last = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
        if (result->error == -ETIMEDOUT)
                finding_add(&d->found, c->check, FINDING_WARNING, c->remedy, "\"%s\" did not end within %llu s",
                                command, (unsigned long long) (PROGRAM_LIMIT_USEC / USEC_PER_SEC));
        else if (result->error < 0)
                finding_add(&d->found, c->check, FINDING_WARNING, NULL, "\"%s\" could not be run: %s", command,
                            strerror(-result->error));
        else
                finding_add(&d->found, c->check, FINDING_WARNING, c->remedy, "\"%s\" ended with %d%s%s", command,
                            result->status, *last ? ": " : "", last);
}

static void judge_version(Doctor *d, const ProgramCheck *c, const ProgramResult *result) {
        char text[PROGRAM_VERSION_TEXT_SIZE], least[PROGRAM_VERSION_TEXT_SIZE];
        ProgramVersion version;

        if (program_version_parse(result->output, &version) < 0)
                finding_add(&d->found, c->check, FINDING_WARNING, NULL, "its version cannot be told from \"%.100s\"",
                            result->output);
        else if (program_version_compare(&version, &c->least) < 0)
                finding_add(&d->found, c->check, c->absent == FINDING_OK ? FINDING_WARNING : FINDING_ERROR, c->remedy,
                                "version %s is too old: %s, from version %s", program_version_format(&version, text),
                                c->need, program_version_format(&c->least, least));
        else
                finding_add(&d->found, c->check, FINDING_OK, NULL, "version %s",
                                program_version_format(&version, text));
        if (c->login)
                look_at_login(d, c->login);
}

static void judge(Doctor *d, const ProgramCheck *c, const ProgramResult *result) {
        if (is_absent(c, result)) {
                if (c->absent != FINDING_OK)
                        finding_add(&d->found, c->check, (FindingState) c->absent, c->remedy,
                                        "it is not installed: %s", c->need);
        } else if (result->error < 0 || result->status != 0)
                note_failure(d, c, result);
        else if (program_version_compare(&c->least, &(ProgramVersion){}) > 0)
                judge_version(d, c, result);
        else
                finding_add(&d->found, c->check, FINDING_OK, NULL, "it works");
}

/* --- one after the other --- */

static void on_program_end(void *userdata, const ProgramResult *result) {
        Doctor *d = userdata;

        judge(d, &programs[d->position++], result);
        (void) doctor_next_program(d);
}

static int run_program(Doctor *d, const ProgramCheck *c) {
        const char *argv[WORDS_MAX + 4] = {};
        size_t n = 0;

        /* "STARTER -- PROGRAM ARGV..." */
        if (c->launched) {
                argv[n++] = d->options.starter;
                argv[n++] = "--";
                argv[n++] = c->words[0];
        }
        for (size_t i = 0; c->words[i]; i++)
                argv[n++] = c->words[i];
        return program_run_new(d->event, argv, PROGRAM_LIMIT_USEC, on_program_end, d, &d->program);
}

int doctor_next_program(Doctor *d) {
        for (; d->position < ELEMENTSOF(programs); d->position++) {
                int r;

                d->program = program_run_free(d->program);
                r = run_program(d, &programs[d->position]);
                if (r >= 0)
                        return 0;
                judge(d, &programs[d->position], &(ProgramResult){ .error = r, .output = "" });
        }
        doctor_finish(d);
        return 0;
}
