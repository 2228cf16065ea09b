/* Letting go of the journal's mapped pages: see journal-memory.h.
 *
 * libsystemd has no call for it, so the maps are found where the kernel lists them. MADV_DONTNEED on a shared map of a
 * file loses nothing: the next access brings the page back. */
#include <remote-developer/journal-memory.h>

#include <remote-developer/macros.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

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

        if (!maps)
                return;
        while (fgets(line, sizeof(line), maps))
                release_line(line);
        fclose(maps);
}
