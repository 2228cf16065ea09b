/* JournalPatch: see journal-patch.h. Files are small, so one is read whole, changed and written back. */
#include "journal-patch.h"

#include <remote-developer/strings.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Where things are in a file, in an object of it (a type and a size), in an entry and in a value. */
enum {
        INCOMPATIBLE_FLAGS = 12, SEQNUM_ID = 72, HEADER_SIZE = 88, ARENA_SIZE = 96, TAIL_OBJECT = 136,
        TAIL_SEQNUM = 160, HEAD_SEQNUM = 168,
        OBJECT_SIZE = 8, ENTRY_SEQNUM = 16, VALUE_ENTRY = 40, VALUE_N_ENTRIES = 56,
        VALUE_TAIL_N = 68, VALUE_PAYLOAD = 64, VALUE_PAYLOAD_COMPACT = 72,
};
#define FLAG_COMPACT 16
#define TYPE_ENTRY 3
#define PAGE 4096

typedef struct File {
        int fd;
        unsigned char *data;
        size_t size;
} File;

static void file_done(File *file) {
        closep(&file->fd);
        free(file->data);
}

static File file_open(const JournalFixture *f, const char *name) {
        _cleanup_free_ char *path = string_format("%s/%s.journal", f->directory, name);
        File file = { .fd = open(path, O_RDWR | O_CLOEXEC) };
        struct stat st;

        if (TAP_CHECK_INT(fstat(file.fd, &st), 0) && (file.data = malloc((size_t) st.st_size)) &&
            TAP_CHECK_INT(pread(file.fd, file.data, (size_t) st.st_size, 0), st.st_size))
                file.size = (size_t) st.st_size;
        return file;
}

#define FILE_OPEN(f, name)                                                                                   \
        _cleanup_(file_done) File file = file_open(f, name);                                                 \
        if (file.size == 0)                                                                                  \
                return

static void write_back(const File *file) {
        TAP_CHECK_INT(pwrite(file->fd, file->data, file->size, 0), (ssize_t) file->size);
}

static uint64_t get(const File *file, uint64_t at) {
        uint64_t n = 0;

        if (TAP_CHECK(at <= file->size - sizeof(n)))
                memcpy(&n, file->data + at, sizeof(n));
        return n;
}

static void set(File *file, uint64_t at, uint64_t n) {
        if (TAP_CHECK(at <= file->size - sizeof(n)))
                memcpy(file->data + at, &n, sizeof(n));
}

static uint64_t object_end(const File *file, uint64_t at) {
        return (at + get(file, at + OBJECT_SIZE) + 7) & ~(uint64_t) 7;
}

void journal_patch_fill(const JournalFixture *f, const char *name) {
        FILE_OPEN(f, name);
        uint64_t end = (object_end(&file, get(&file, TAIL_OBJECT)) + PAGE - 1) & ~(uint64_t) (PAGE - 1);

        if (!TAP_CHECK(end <= file.size))
                return;
        set(&file, ARENA_SIZE, end - get(&file, HEADER_SIZE));
        write_back(&file);
        TAP_CHECK_INT(ftruncate(file.fd, (off_t) end), 0);
}

static void renumber(File *file, uint64_t add) {
        uint64_t tail = get(file, TAIL_OBJECT);

        for (uint64_t at = get(file, HEADER_SIZE); at <= tail && at < file->size; at = object_end(file, at))
                if (file->data[at] == TYPE_ENTRY)
                        set(file, at + ENTRY_SEQNUM, get(file, at + ENTRY_SEQNUM) + add);
        set(file, TAIL_SEQNUM, get(file, TAIL_SEQNUM) + add);
        set(file, HEAD_SEQNUM, get(file, HEAD_SEQNUM) + add);
}

void journal_patch_continue(const JournalFixture *f, const char *from, const char *to) {
        _cleanup_(file_done) File before = file_open(f, from);
        FILE_OPEN(f, to);

        if (before.size == 0)
                return;
        set(&file, SEQNUM_ID, get(&before, SEQNUM_ID));
        set(&file, SEQNUM_ID + 8, get(&before, SEQNUM_ID + 8));
        renumber(&file, get(&before, TAIL_SEQNUM));
        write_back(&file);
}

void journal_patch_unlink(const JournalFixture *f, const char *name, const char *value) {
        FILE_OPEN(f, name);
        bool compact = file.data[INCOMPATIBLE_FLAGS] & FLAG_COMPACT;
        unsigned char *found = memmem(file.data, file.size, value, strlen(value));
        uint64_t at, n;

        if (!TAP_CHECK(found))
                return;
        at = (uint64_t) (found - file.data) - (compact ? VALUE_PAYLOAD_COMPACT : VALUE_PAYLOAD);
        n = get(&file, at + VALUE_N_ENTRIES);
        set(&file, at + VALUE_N_ENTRIES, n - 1);
        if (n == 1)
                set(&file, at + VALUE_ENTRY, 0);
        else if (compact)
                file.data[at + VALUE_TAIL_N]--;
        write_back(&file);
}

void journal_patch_begin_entry(const JournalFixture *f, const char *name) {
        FILE_OPEN(f, name);
        uint64_t seqnum = get(&file, TAIL_SEQNUM) + 1;
        unsigned char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);

        if (!TAP_CHECK(map != MAP_FAILED))
                return;
        memcpy(map + TAIL_SEQNUM, &seqnum, sizeof(seqnum));
        TAP_CHECK_INT(munmap(map, PAGE), 0);
}

void journal_patch_announce(const JournalFixture *f, const char *name) {
        FILE_OPEN(f, name);

        TAP_CHECK_INT(ftruncate(file.fd, (off_t) file.size), 0);
}
