"""The test child: a small static C program that tells by datagram when its main() began.

    benchchild SOCKET NAME                                   tell, then wait for ever
    benchchild SOCKET NAME lines BYTES SECONDS LINE_LENGTH   tell, wait a moment, write, tell how many bytes

A datagram is `NAME PID NANOSECONDS KIND BYTES`, its time CLOCK_MONOTONIC; KIND is S (started) or E (wrote it
all). Nobody polls: start-up and respawn are timed by the child's own clock.
"""

import subprocess
from pathlib import Path
from typing import Final

NAME: Final = "benchchild"
PAUSE_S: Final = 0.5  # between telling that it began and writing: who watches it can look around

_SOURCE: Final = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void tell(const char *path, const char *name, char kind, long long bytes) {
    char text[160];
    int size = snprintf(text, sizeof text, "%s %d %lld %c %lld", name, (int)getpid(), now(), kind, bytes);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un to;
    memset(&to, 0, sizeof to);
    to.sun_family = AF_UNIX;
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    sendto(fd, text, size, 0, (struct sockaddr *)&to, sizeof to);
    close(fd);
}

static long long write_lines(long long total, long long seconds, int length) {
    char block[4096];
    long long done = 0, number = 0, end = now() + seconds * 1000000000LL;
    while (done < total && now() < end) {
        int size = 0;
        while (size + length <= (int)sizeof block) {
            int head = snprintf(block + size, length, "%012lld ", number++);
            memset(block + size + head, 'x', length - 1 - head);
            size += length;
            block[size - 1] = '\n';
        }
        for (int at = 0; at < size;) {
            ssize_t wrote = write(1, block + at, size - at);
            if (wrote <= 0) return done;
            at += wrote;
            done += wrote;
        }
    }
    return done;
}

int main(int count, char **word) {
    if (count >= 3) tell(word[1], word[2], 'S', 0);
    if (count >= 7 && !strcmp(word[3], "lines")) {
        usleep(PAUSE_US);
        tell(word[1], word[2], 'E', write_lines(atoll(word[4]), atoll(word[5]), atoi(word[6])));
    }
    for (;;) pause();
}
"""


def build(folder: Path) -> Path:
    """The compiled child in `folder`. Raises `CalledProcessError` when the C compiler cannot do it."""
    program = folder / NAME
    if not program.exists():
        source = folder / f"{NAME}.c"
        source.write_text(_SOURCE)
        subprocess.run(
            ["cc", "-O2", "-static", f"-DPAUSE_US={PAUSE_S * 1e6:.0f}", "-o", program, source], check=True
        )
    return program
