/* Letting go of the journal's mapped pages, and what is gone of them: see journal-memory.h.
 *
 * libsystemd has no call for it, so the maps are found where the kernel lists them. MADV_DONTNEED on a shared map of a
 * file loses nothing: the next access brings the page back. */
#include <remote-developer/journal-memory.h>

#include <remote-developer/macros.h>

#include "journal-guard.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile sig_atomic_t faults;
static uintptr_t page_size;
static size_t touched; /* since the pages were let go, by all readers */

/* What an entry takes besides its text: itself, its places in the lists of its values, its stamps. */
#define ENTRY_SIZE 1024

/* As journalctl's, which libsystemd does not offer: a page of zeros in the place of the one that is gone. */
static void on_fault(int signal_number, siginfo_t *info, void *context _unused_) {
        void *page = (void *) ((uintptr_t) info->si_addr & ~(page_size - 1));

        if (info->si_code == BUS_ADRERR && info->si_addr &&
            mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page) {
                faults = faults + 1;
                return;
        }
        (void) signal(signal_number, SIG_DFL);
        (void) raise(signal_number);
}

int journal_memory_catch_faults(void) {
        struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

        page_size = (uintptr_t) sysconf(_SC_PAGESIZE);
        return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : journal_guard_catch();
}

unsigned journal_memory_faults(void) {
        return (unsigned) faults;
}

static void release_line(const char *line) {
        unsigned long begin, end;
        char flags[8];
        const char *suffix = strstr(line, ".journal");

        if (!suffix || sscanf(line, "%lx-%lx %7s", &begin, &end, flags) != 3 || flags[3] != 's')
                return;
        (void) madvise((void *) begin, end - begin, MADV_DONTNEED);
}

void journal_memory_release(void) {
        FILE *maps = fopen("/proc/self/maps", "re");
        char line[4096 + 128];

        touched = 0;
        if (!maps)
                return;
        while (fgets(line, sizeof(line), maps))
                release_line(line);
        fclose(maps);
}

void journal_memory_touch(size_t size) {
        touched += ENTRY_SIZE + size;
        if (touched > JOURNAL_MEMORY_MAX)
                journal_memory_release();
}
