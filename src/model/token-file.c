/* TokenFile: see token-file.h.
 *
 * Whether the file is the one that was read says its inode with its size and times. Times have the grain of a tick, in
 * which two writes may follow each other: what was young when it was read is read again. */
#include <remote-developer/token-file.h>

#include <remote-developer/files.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>

#include <fcntl.h>
#include <sys/stat.h>

#define YOUNG_USEC USEC_PER_SEC

struct TokenFile {
        char *directory;
        TokenList list;
        char *fault;
        struct stat seen; /* of what the list was read from; all 0: nothing */
        bool was_young;
        bool was_read;
};

int token_file_new(const char *directory, TokenFile **ret) {
        _cleanup_(token_file_freep) TokenFile *f = calloc(1, sizeof(TokenFile));

        if (!f)
                return -ENOMEM;
        f->directory = strdup(directory);
        if (!f->directory)
                return -ENOMEM;
        *ret = TAKE_PTR(f);
        return 0;
}

TokenFile *token_file_free(TokenFile *f) {
        if (!f)
                return NULL;
        token_list_done(&f->list);
        free(f->fault);
        free(f->directory);
        free(f);
        return NULL;
}

static bool time_equal(struct timespec a, struct timespec b) {
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_seen(const TokenFile *f, const struct stat *st) {
        return f->was_read && !f->was_young && f->seen.st_ino == st->st_ino && f->seen.st_dev == st->st_dev &&
               f->seen.st_size == st->st_size && f->seen.st_mode == st->st_mode && f->seen.st_uid == st->st_uid &&
               time_equal(f->seen.st_mtim, st->st_mtim) && time_equal(f->seen.st_ctim, st->st_ctim);
}

static bool is_young(const struct stat *st) {
        usec_t changed = (usec_t) st->st_ctim.tv_sec * USEC_PER_SEC + (usec_t) st->st_ctim.tv_nsec / 1000;
        usec_t now = clock_realtime_usec();

        return now < changed + YOUNG_USEC; /* and while the clock is behind */
}

/* Not without memory either: that, too, is no reason to let anybody in. */
static void take_fault(TokenFile *f, const char *sentence) {
        char *fault = string_format("%s/" TOKEN_FILE " is not believed, and no token is valid: %s", f->directory,
                                    sentence);

        if (!string_equal(fault, f->fault))
                log_error("%s", fault ?: sentence);
        free(f->fault);
        f->fault = fault;
}

static void read_anew(TokenFile *f, int dir_fd, const struct stat *st) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        int r;

        token_list_done(&f->list);
        r = token_list_read(dir_fd, &f->list, &problem);
        f->seen = *st;
        f->was_young = is_young(st);
        f->was_read = r >= 0 || r == -EBADMSG;
        if (r < 0) {
                take_fault(f, problem.error < 0 ? problem_sentence(&problem) : strerror(-r));
                return;
        }
        if (f->fault)
                log_notice("%s/" TOKEN_FILE " is believed again", f->directory);
        free(TAKE_PTR(f->fault));
}

static void look(TokenFile *f) {
        _cleanup_close_ int dir_fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st = {};

        if (dir_fd >= 0 && fstatat(dir_fd, TOKEN_FILE, &st, AT_SYMLINK_NOFOLLOW) >= 0) {
                if (!is_seen(f, &st))
                        read_anew(f, dir_fd, &st);
                return;
        }
        token_list_done(&f->list);
        f->was_read = false;
        if (errno != ENOENT)
                take_fault(f, strerror(errno));
        else
                free(TAKE_PTR(f->fault));
}

const TokenList *token_file_look(TokenFile *f) {
        look(f);
        return &f->list;
}

const char *token_file_fault(TokenFile *f) {
        look(f);
        return f->fault;
}
