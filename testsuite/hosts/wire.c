// The links of net.sh where the kernel has no netem: for each host a tap device there (eth0) and one on the hub's side (p0, p1,
// ...), and the frames between them carried by this program, until it is killed. What a host sends is delayed, lost or limited.
//
//   wire NAME HOSTS DELAY_MS LOSS_PERMILLE RATE_MBIT        prints "ready" when the devices are there
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST_HOSTS = 64, FRAME = 2048, QUEUE = 4096 };

struct queue { // of one host; a ring
    unsigned head, tail;
    int64_t free_at; // when the link has sent what it has
    struct { int64_t due; int length; char bytes[FRAME]; } frames[QUEUE];
};

static void die(const char *what) {
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now(void) { // nanoseconds
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// A tap device `device` in the namespace `space`.
static int tap(const char *space, const char *device) {
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", space);
    int place = open(path, O_RDONLY | O_CLOEXEC);
    if (place < 0 || setns(place, CLONE_NEWNET) != 0)
        die(path);
    close(place);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        die("/dev/net/tun");
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
    if (ioctl(fd, TUNSETIFF, &request) != 0)
        die("TUNSETIFF");
    return fd;
}

static unsigned permille(void) { // the same frames are lost in each run with the same traffic
    static uint64_t state = 88172645463325252u;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state % 1000;
}

int main(int argc, char **argv) {
    if (argc != 6)
        return 2;
    int hosts = atoi(argv[2]);
    int64_t delay = atoll(argv[3]) * 1000000;
    unsigned loss = atoi(argv[4]);
    int64_t rate = atoll(argv[5]);
    if (hosts < 1 || hosts > MOST_HOSTS)
        return 2;
    static struct pollfd ends[2 * MOST_HOSTS]; // the host's, the hub's
    static struct queue *queues[MOST_HOSTS];
    for (int i = 0; i < hosts; i++) {
        char host[200], hub[200], port[16];
        snprintf(host, sizeof host, "%s-%d", argv[1], i);
        snprintf(hub, sizeof hub, "%s-hub", argv[1]);
        snprintf(port, sizeof port, "p%d", i);
        ends[2 * i] = (struct pollfd){tap(host, "eth0"), POLLIN, 0};
        ends[2 * i + 1] = (struct pollfd){tap(hub, port), POLLIN, 0};
        if ((queues[i] = calloc(1, sizeof **queues)) == NULL)
            die("memory");
    }
    puts("ready");
    fflush(stdout);
    freopen("/dev/null", "w", stdout);
    freopen("/dev/null", "w", stderr);
    for (;;) {
        int64_t next = INT64_MAX, time = now();
        for (int i = 0; i < hosts; i++) {
            struct queue *q = queues[i];
            for (; q->head != q->tail && q->frames[q->head % QUEUE].due <= time; q->head++)
                // A full or closed device loses the frame, as a card would.
                (void)!write(ends[2 * i + 1].fd, q->frames[q->head % QUEUE].bytes, q->frames[q->head % QUEUE].length);
            if (q->head != q->tail && q->frames[q->head % QUEUE].due < next)
                next = q->frames[q->head % QUEUE].due;
        }
        struct timespec wait = {0, 0};
        if (next != INT64_MAX && next > time)
            wait = (struct timespec){(next - time) / 1000000000, (next - time) % 1000000000};
        if (ppoll(ends, 2 * hosts, next == INT64_MAX ? NULL : &wait, NULL) < 0 && errno != EINTR)
            return 1;
        time = now();
        for (int i = 0; i < hosts; i++) {
            char bytes[FRAME];
            ssize_t length;
            for (int n = 0; n < 64 && (length = read(ends[2 * i + 1].fd, bytes, FRAME)) > 0; n++)
                (void)!write(ends[2 * i].fd, bytes, length);
            struct queue *q = queues[i];
            for (int n = 0; n < 64 && (length = read(ends[2 * i].fd, bytes, FRAME)) > 0; n++) {
                if (q->tail - q->head == QUEUE || permille() < loss)
                    continue;
                if (q->free_at < time)
                    q->free_at = time;
                if (rate > 0)
                    q->free_at += length * 8000 / rate;
                q->frames[q->tail % QUEUE].due = q->free_at + delay;
                q->frames[q->tail % QUEUE].length = (int)length;
                memcpy(q->frames[q->tail++ % QUEUE].bytes, bytes, length);
            }
        }
    }
}
