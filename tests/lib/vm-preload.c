/* Preloaded into linux.uml by tests/lib/vm, to put right two things.
 *
 * ptrace(): it shall run on processors whose vector registers it does not know. User-mode Linux 6.1 writes back of a
 * traced process's registers what it knows of: 832 bytes, up to AVX. Today's kernels take all that the processor has
 * or nothing (PTRACE_SETREGSET answers EFAULT), and where it has AVX-512 the first process dies of that. So the
 * bytes that linux.uml knows are put over all the others. Those others are not kept apart for the threads of one
 * process: units in there are told not to use them (tests/lib/vm).
 *
 * execvp(): it reboots by executing itself, and a kernel that found the descriptors, timers and signals of another
 * does not always get far. So it ends, with a status that asks for the next one. */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

enum { REBOOT = 133 }; /* as with systemd-nspawn */

typedef long PtraceFunction(enum __ptrace_request request, pid_t pid, void *address, void *data);

static long set_registers(PtraceFunction *call, pid_t pid, void *kind, const struct iovec *known) {
        static _Alignas(64) char bytes[64 * 1024]; /* 11 KiB with AMX */
        struct iovec all = { bytes, sizeof(bytes) };

        if (call(PTRACE_GETREGSET, pid, kind, &all) < 0)
                return -1;
        memcpy(bytes, known->iov_base, known->iov_len < all.iov_len ? known->iov_len : all.iov_len);
        return call(PTRACE_SETREGSET, pid, kind, &all);
}

long ptrace(enum __ptrace_request request, ...) {
        static PtraceFunction *call;
        va_list arguments;

        va_start(arguments, request);
        pid_t pid = va_arg(arguments, pid_t);
        void *address = va_arg(arguments, void *);
        void *data = va_arg(arguments, void *);
        va_end(arguments);

        if (!call)
                call = (PtraceFunction *) dlsym(RTLD_NEXT, "ptrace");
        if (request == PTRACE_SETREGSET && (uintptr_t) address == NT_X86_XSTATE)
                return set_registers(call, pid, address, data);
        return call(request, pid, address, data);
}

int execvp(const char *file, char *const arguments[]) {
        (void) file;
        (void) arguments;
        _exit(REBOOT);
}
