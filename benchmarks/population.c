/* population.c - many cheap processes, as a background for measurements.
 *
 *     population TOTAL BUSY MICROSECONDS PADDING
 *
 * forks TOTAL children with the names and command lines of common servers, which are written over
 * the PADDING argument. BUSY of them spin for MICROSECONDS ten times a second at nice 19, all
 * others sleep for ever. Prints "ready"; ends with its children when its standard input closes. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SHAPES = 8, LINE = 256 };

static const struct {
    const char *comm, *command;
} shapes[SHAPES] = {
    {"python3", "python3 train.py --model llama-70b --rank %d --world-size 8 --bf16 --ckpt /data/ckpt"},
    {"postgres", "postgres: app db 10.0.0.%d idle"},
    {"nginx", "nginx: worker process %d"},
    {"containerd-shim", "/usr/bin/containerd-shim-runc-v2 -namespace k8s.io -id %08x"},
    {"sshd", "sshd: user%d@notty"},
    {"node", "node /srv/app/server.js --shard=%d"},
    {"pt_data_worker", "/opt/conda/bin/python -m dataloader --worker %d --prefetch 4 --pin-memory"},
    {"bash", "bash -c sleep %d"},
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void spin_for_ever(int index, int microseconds) {
    setpriority(PRIO_PROCESS, 0, 19);
    for (;;) {
        usleep(100000 + index % 97);
        double until = now() + microseconds / 1e6;
        while (now() < until) {
        }
    }
}

static void name(int index, char *room, size_t size) {
    char line[LINE];
    snprintf(line, sizeof line, shapes[index % SHAPES].command, index);
    memset(room, 0, size);
    for (size_t i = 0; line[i] && i + 1 < size; i++) room[i] = line[i] == ' ' ? 0 : line[i];
    prctl(PR_SET_NAME, shapes[index % SHAPES].comm);
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    int total = atoi(arguments[1]), busy = atoi(arguments[2]), microseconds = atoi(arguments[3]);
    char *room = arguments[0];
    size_t size = arguments[4] + strlen(arguments[4]) - room;
    pid_t parent = getpid();
    for (int i = 0; i < total; i++) {
        pid_t child = fork();
        if (child < 0) {
            perror("fork");
            return 1;
        }
        if (child) continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(0);
        close(0);
        close(1);
        name(i, room, size);
        if (i < busy) spin_for_ever(i, microseconds);
        for (;;) pause();
    }
    puts("ready");
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    while (wait(0) > 0) {
    }
    return 0;
}
