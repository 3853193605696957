/* Loads a WebSocket server, or is one: what measures the servers and the clients of these benchmarks.
 *
 *     cc -O2 -o load load.c -ldl          then   load --help
 *
 * Strategy: one thread, one epoll, sockets that do not block. What is sent is a blob, octets of a file, that make up one
 * message; a loop is closed by sending it again for every reply. Of replies only the frame headers are looked at, so
 * this costs much less than any server it measures. Repetitions of a small blob lie behind each other in memory, so
 * that many messages in flight go out in one call. TLS comes from the libssl of the machine, loaded when it is asked
 * for. Whatever is not as it should be ends the program with a sentence and status 1: a wrong figure is worse than none.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_CONNECTIONS = 60000,
    MAX_IN_FLIGHT = 4096,
    /* Under the backlogs of all peers, of which Twisted's 50 is the shortest: what does not fit waits for a second. */
    MAX_OPENING = 32,
    MAX_HEAD = 16384,
    RECEIVE_SIZE = 256 * 1024,
    REPETITIONS_SIZE = 256 * 1024,
    EVENTS = 512,
    /* Seconds without anything that counts before the server is taken for dead. */
    PATIENCE = 15,
};

typedef enum { ECHO, CYCLES, RECEIVE, HOLD, SERVE } Mode;
static const char *const mode_names[] = {"echo", "cycles", "receive", "hold", "serve"};

static struct {
    Mode mode;
    int port, connections, in_flight;
    double seconds, warmup;
    uint64_t rounds;
    int64_t reply_size;
    pid_t pid;
    bool raw, tls;
    const char *blob_path;
    char headers[4096];
} settings = {.connections = 1, .in_flight = 1, .seconds = 1, .warmup = 0.2, .reply_size = -1};

static int poller;
static unsigned char received[RECEIVE_SIZE];

/* Ending, time, memory. */

static void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static uint64_t nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) die("out of memory");
    return memory;
}

/* Seconds that the server has been on a core: what other processes take from it does not count. */
static double server_seconds(void) {
    clockid_t clock;
    struct timespec time;
    if (!settings.pid) return 0;
    if (clock_getcpuclockid(settings.pid, &clock) || clock_gettime(clock, &time))
        die("there is no process %d", (int)settings.pid);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Latencies, in nanoseconds: 32 buckets for each doubling, so a percentile is within 3 % of the truth. */

static uint64_t histogram[61 * 32];

static void count_latency(uint64_t value) {
    if (value < 32) {
        histogram[value]++;
        return;
    }
    unsigned shift = 58 - (unsigned)__builtin_clzll(value);
    histogram[(shift + 1) * 32 + (unsigned)(value >> shift) - 32]++;
}

static double percentile_us(double percent) {
    uint64_t total = 0, seen = 0;
    unsigned index;
    for (index = 0; index < 61 * 32; index++) total += histogram[index];
    if (!total) return 0;
    for (index = 0; index < 61 * 32; index++) {
        seen += histogram[index];
        if ((double)seen >= percent / 100 * (double)total) break;
    }
    if (index < 32) return index / 1000.0;
    unsigned shift = index / 32 - 1;
    return ((double)(index % 32 + 32) + 0.5) * (double)(1ull << shift) / 1000;
}

/* TLS: the few functions of libssl that are needed, by name, because no header of it has to be installed. */

static struct {
    void *context;
    void *(*create)(void *);
    void (*destroy)(void *);
    int (*set_fd)(void *, int);
    void (*set_connect_state)(void *);
    int (*read)(void *, void *, int);
    int (*write)(void *, const void *, int);
    int (*get_error)(const void *, int);
    int (*shutdown)(void *);
    void (*clear_errors)(void);
} tls;

enum { TLS_WANT_READ = 2, TLS_WANT_WRITE = 3, TLS_SYSCALL = 5, TLS_ZERO_RETURN = 6 };

static void *symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found) die("libssl has no %s", name);
    return found;
}

static void load_tls(void) {
    static const char *const names[] = {"libssl.so.3", "libssl.so.1.1", "libssl.so"};
    void *library = NULL;
    for (size_t i = 0; !library && i < sizeof names / sizeof *names; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_GLOBAL);
    if (!library) die("--tls needs libssl, and there is none: %s", dlerror());
    const void *(*method)(void);
    void *(*new_context)(const void *);
    long (*control)(void *, int, long, void *);
    *(void **)&method = symbol(library, "TLS_client_method");
    *(void **)&new_context = symbol(library, "SSL_CTX_new");
    *(void **)&control = symbol(library, "SSL_CTX_ctrl");
    *(void **)&tls.create = symbol(library, "SSL_new");
    *(void **)&tls.destroy = symbol(library, "SSL_free");
    *(void **)&tls.set_fd = symbol(library, "SSL_set_fd");
    *(void **)&tls.set_connect_state = symbol(library, "SSL_set_connect_state");
    *(void **)&tls.read = symbol(library, "SSL_read");
    *(void **)&tls.write = symbol(library, "SSL_write");
    *(void **)&tls.get_error = symbol(library, "SSL_get_error");
    *(void **)&tls.shutdown = symbol(library, "SSL_shutdown");
    *(void **)&tls.clear_errors = symbol(library, "ERR_clear_error");
    tls.context = new_context(method());
    if (!tls.context) die("libssl gives no context");
    /* SSL_CTRL_MODE: partial writes, and from another place in memory when they are tried again. */
    control(tls.context, 33, 1 | 2, NULL);
}

/* One connection of the load. */

typedef enum { OPENING, OPEN, CLOSING } State;

typedef struct {
    int fd, number;
    void *ssl;
    State state;
    bool watches_out, blocked, has_close;
    /* Out: octets of its own (a request, a Close) go before blobs, of which `blob_left` octets are due. */
    const char *own;
    size_t own_left, blob_at;
    uint64_t blob_left;
    /* In: the head of the handshake, then the header of a frame, then what is left of its payload. */
    char *head;
    size_t head_size;
    unsigned char header[14];
    unsigned header_size;
    uint64_t frame_left, message_octets;
    bool in_payload;
    /* When the connection was begun, and a ring: when the messages in flight were sent. */
    uint64_t begun_at, *sent_at;
    uint64_t sent, replied;
} Connection;

static Connection *all;
static struct sockaddr_in server_address;
static char *request;
static size_t request_size;
static unsigned char *blob;
static size_t blob_size, repetitions_size;
static unsigned blob_opcode;
static int opening, opened, next_to_open;
static uint64_t *reached;
static uint64_t rounds_done;
static char extensions[256];

static struct { uint64_t messages, octets, compressed; } totals;
static uint64_t now, last_progress, measure_from, measure_until;
static double server_before;
static bool measuring, finished;

/* Masked with zeros, code 1000. */
static const char close_frame[] = "\x88\x82\0\0\0\0\x03\xe8";
/* The example of RFC 6455, section 1.3. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void watch(Connection *c, bool out) {
    if (out == c->watches_out) return;
    struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event)) die("epoll_ctl: %s", strerror(errno));
    c->watches_out = out;
}

static const char *doing(const Connection *c) {
    return c->state == OPENING ? "in the opening handshake" : c->state == OPEN ? "while open" : "in the closing handshake";
}

/* Octets that were taken, 0 when it has to wait. */
static size_t put(Connection *c, const void *octets, size_t size) {
    if (c->ssl) {
        tls.clear_errors();
        int taken = tls.write(c->ssl, octets, size > 1 << 20 ? 1 << 20 : (int)size);
        if (taken > 0) return (size_t)taken;
        int error = tls.get_error(c->ssl, taken);
        if (error != TLS_WANT_READ && error != TLS_WANT_WRITE)
            die("connection %d: TLS error %d at writing %s", c->number, error, doing(c));
        c->blocked = error == TLS_WANT_WRITE;
        return 0;
    }
    ssize_t taken = send(c->fd, octets, size, MSG_NOSIGNAL);
    if (taken >= 0) return (size_t)taken;
    if (errno != EAGAIN && errno != EINTR) die("connection %d: send: %s %s", c->number, strerror(errno), doing(c));
    c->blocked = true;
    return 0;
}

/* Octets that came, 0 at the end, -1 when there are none yet. */
static ssize_t get(Connection *c) {
    if (c->ssl) {
        tls.clear_errors();
        int came = tls.read(c->ssl, received, RECEIVE_SIZE);
        if (came > 0) return came;
        int error = tls.get_error(c->ssl, came);
        if (error == TLS_WANT_READ || error == TLS_WANT_WRITE) return -1;
        if (error == TLS_ZERO_RETURN || (error == TLS_SYSCALL && c->state == CLOSING) || c->has_close) return 0;
        die("connection %d: TLS error %d at reading %s", c->number, error, doing(c));
    }
    ssize_t came = recv(c->fd, received, RECEIVE_SIZE, 0);
    if (came >= 0) return came;
    if (errno == EAGAIN || errno == EINTR) return -1;
    if (errno == ECONNRESET && c->has_close) return 0;
    die("connection %d: recv: %s %s", c->number, strerror(errno), doing(c));
}

static void flush(Connection *c) {
    c->blocked = false;
    while (c->own_left) {
        size_t taken = put(c, c->own, c->own_left);
        if (!taken) break;
        c->own += taken;
        c->own_left -= taken;
    }
    while (c->blob_left && !c->own_left) {
        size_t size = repetitions_size - c->blob_at;
        size_t taken = put(c, blob + c->blob_at, c->blob_left < size ? (size_t)c->blob_left : size);
        if (!taken) break;
        c->blob_left -= taken;
        c->blob_at = (c->blob_at + taken) % blob_size;
    }
    watch(c, c->blocked);
}

static void send_messages(Connection *c, unsigned count) {
    while (count--) {
        c->sent_at[c->sent++ % (unsigned)settings.in_flight] = now;
        c->blob_left += blob_size;
    }
    flush(c);
}

/* Opening. */

static void open_connection(Connection *c) {
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&server_address, sizeof server_address) && errno != EINPROGRESS)
        die("connection %d: connect: %s", c->number, strerror(errno));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event)) die("epoll_ctl: %s", strerror(errno));
    c->watches_out = true;
    c->state = OPENING;
    c->has_close = c->in_payload = false;
    c->header_size = 0;
    c->frame_left = c->message_octets = c->blob_left = c->blob_at = 0;
    c->own = request;
    c->own_left = request_size;
    if (settings.tls) {
        c->ssl = tls.create(tls.context);
        if (!c->ssl || !tls.set_fd(c->ssl, c->fd)) die("libssl gives no connection");
        tls.set_connect_state(c->ssl);
    }
    if (settings.raw) c->frame_left = blob_size;
    opening++;
    last_progress = c->begun_at = now;
}

static void start(void);

static void connection_opened(Connection *c) {
    c->state = OPEN;
    opening--;
    last_progress = now;
    if (settings.mode == CYCLES) {
        send_messages(c, 1);
        return;
    }
    if (++opened == settings.connections) start();
    if (next_to_open < settings.connections && opening < MAX_OPENING) open_connection(&all[next_to_open++]);
}

static void remember_extensions(const char *head) {
    const char *line = strcasestr(head, "\r\nSec-WebSocket-Extensions:");
    if (!line || *extensions) return;
    line += strlen("\r\nSec-WebSocket-Extensions:");
    line += strspn(line, " \t");
    size_t size = strcspn(line, "\r\n");
    if (size >= sizeof extensions) size = sizeof extensions - 1;
    for (size_t i = 0; i < size; i++) extensions[i] = strchr("\"\\\t", line[i]) ? '\'' : line[i];
}

/* Takes the head of the server's answer; how many of the octets belong to it. */
static size_t take_head(Connection *c, const unsigned char *octets, size_t size) {
    if (!c->head) c->head = allocate(1, MAX_HEAD + 1);
    size_t before = c->head_size, room = MAX_HEAD - before;
    size_t copied = size < room ? size : room;
    memcpy(c->head + before, octets, copied);
    c->head_size += copied;
    c->head[c->head_size] = 0;
    char *end = memmem(c->head, c->head_size, "\r\n\r\n", 4);
    if (!end && c->head_size == MAX_HEAD) die("the head of the server's answer is over %d octets", MAX_HEAD);
    if (!end) return size;
    size_t used = (size_t)(end + 4 - c->head) - before;
    end[2] = 0;
    if (strncmp(c->head, "HTTP/1.1 101", 12)) die("the server refused: %.*s", (int)strcspn(c->head, "\r\n"), c->head);
    if (!strstr(c->head, ACCEPT)) die("the server's Sec-WebSocket-Accept is wrong");
    remember_extensions(c->head);
    free(c->head);
    c->head = NULL;
    c->head_size = 0;
    connection_opened(c);
    return used;
}

/* Replies. */

static void count_message(Connection *c, uint64_t latency_from) {
    last_progress = now;
    if (!measuring) return;
    totals.messages++;
    totals.octets += c->message_octets;
    if (latency_from) count_latency(now - latency_from);
}

static void round_reply(Connection *c) {
    unsigned slot = (unsigned)(c->replied % (unsigned)settings.in_flight);
    Connection *conductor = &all[0];
    count_message(c, 0);
    c->replied++;
    if (++reached[slot] < (uint64_t)settings.connections) return;
    reached[slot] = 0;
    if (measuring) {
        count_latency(now - conductor->sent_at[slot]);
        if (++rounds_done == settings.rounds) finished = true;
    }
    send_messages(conductor, 1);
}

static void message_came(Connection *c) {
    if (settings.reply_size >= 0 && c->message_octets != (uint64_t)settings.reply_size)
        die("connection %d: a reply has %" PRIu64 " octets instead of %" PRId64, c->number, c->message_octets,
            settings.reply_size);
    if (settings.mode == RECEIVE) {
        round_reply(c);
    } else if (settings.mode == ECHO) {
        if (c->replied == c->sent) die("connection %d: a reply to nothing", c->number);
        count_message(c, c->sent_at[c->replied++ % (unsigned)settings.in_flight]);
        c->blob_left += blob_size;
        c->sent_at[c->sent++ % (unsigned)settings.in_flight] = now;
    } else if (settings.mode == CYCLES) {
        c->state = CLOSING;
        if (!settings.raw) {
            c->own = close_frame;
            c->own_left = sizeof close_frame - 1;
            return;
        }
        c->has_close = true;
        if (c->ssl) tls.shutdown(c->ssl);
        shutdown(c->fd, SHUT_WR);
    }
}

/* The header of a frame is complete. */
static void frame_begins(Connection *c) {
    unsigned char *h = c->header;
    unsigned length = h[1] & 127, opcode = h[0] & 15;
    uint64_t size = length;
    if (length == 126) size = (uint64_t)h[2] << 8 | h[3];
    if (length == 127)
        for (size = 0, length = 2; length < 10; length++) size = size << 8 | h[length];
    if (opcode == 8) {
        if (c->state != CLOSING) die("connection %d: the server closed %s", c->number, doing(c));
        c->has_close = true;
    } else if (opcode < 3 && opcode && settings.mode != HOLD) {
        if (opcode != blob_opcode) die("connection %d: a reply with opcode %u", c->number, opcode);
        if (h[0] & 0x40 && measuring) totals.compressed++;
    }
    if (opcode < 3) c->message_octets += size;
    c->frame_left = size;
    c->in_payload = true;
}

static void frame_ends(Connection *c) {
    bool ends_message = c->header[0] & 0x80 && (c->header[0] & 15) < 3;
    c->in_payload = false;
    c->header_size = 0;
    if (!ends_message) return;
    message_came(c);
    c->message_octets = 0;
}

static unsigned header_wanted(const Connection *c) {
    if (c->header_size < 2) return 2;
    if (c->header[1] & 0x80) die("connection %d: a masked frame from the server", c->number);
    unsigned length = c->header[1] & 127;
    return length < 126 ? 2 : length == 126 ? 4 : 10;
}

static void take_frames(Connection *c, const unsigned char *octets, size_t size) {
    while (size) {
        if (c->in_payload) {
            size_t taken = c->frame_left < size ? (size_t)c->frame_left : size;
            c->frame_left -= taken;
            octets += taken;
            size -= taken;
        } else {
            c->header[c->header_size++] = *octets++;
            size--;
            if (c->header_size < header_wanted(c)) continue;
            frame_begins(c);
        }
        if (!c->frame_left && c->in_payload) frame_ends(c);
    }
}

/* Without WebSocket: as many octets as a blob has are a reply. */
static void take_raw(Connection *c, size_t size) {
    while (size) {
        size_t taken = c->frame_left < size ? (size_t)c->frame_left : size;
        c->frame_left -= taken;
        size -= taken;
        if (c->frame_left) return;
        c->frame_left = c->message_octets = blob_size;
        message_came(c);
    }
}

static void take(Connection *c, const unsigned char *octets, size_t size) {
    if (c->state == OPENING) {
        size_t used = 1;
        if (settings.raw)
            connection_opened(c);
        else
            used = take_head(c, octets, size);
        octets += used;
        size -= used;
    }
    if (!size) return;
    if (settings.raw)
        take_raw(c, size);
    else
        take_frames(c, octets, size);
}

static void finish_cycle(Connection *c) {
    if (c->state != CLOSING || !c->has_close) die("connection %d: the server ended it %s", c->number, doing(c));
    if (c->ssl) tls.destroy(c->ssl);
    close(c->fd);
    c->message_octets = blob_size;
    count_message(c, c->begun_at);
    open_connection(c);
}

static void connection_event(Connection *c, unsigned events) {
    ssize_t came;
    /* Reading drives the handshake of TLS, too. */
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) || (c->ssl && c->state == OPENING)) {
        do {
            came = get(c);
            if (!came) {
                finish_cycle(c);
                return;
            }
            if (came > 0) take(c, received, (size_t)came);
            /* What libssl holds back is not seen by epoll. */
        } while (c->ssl && came > 0 && !finished);
    }
    if (c->own_left || c->blob_left || c->watches_out) flush(c);
}

/* The run. */

static void start(void) {
    last_progress = now;
    if (settings.mode == HOLD) {
        puts("ready");
        fflush(stdout);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &event)) finished = true;
        return;
    }
    measure_from = now + (uint64_t)(settings.warmup * 1e9);
    measure_until = measure_from + (uint64_t)(settings.seconds * 1e9);
    if (settings.mode == ECHO)
        for (int i = 0; i < settings.connections; i++) send_messages(&all[i], (unsigned)settings.in_flight);
    if (settings.mode == RECEIVE) send_messages(&all[0], (unsigned)settings.in_flight);
}

static void look_at_clock(void) {
    if (settings.mode == HOLD && opened == settings.connections) return;
    if (now - last_progress > PATIENCE * 1000000000ull)
        die("nothing came for %d seconds; %d of %d connections were opened", PATIENCE, opened, settings.connections);
    if (!measure_from) return;
    if (!measuring && now >= measure_from) {
        measuring = true;
        measure_from = now;
        server_before = server_seconds();
        measure_until = now + (uint64_t)(settings.seconds * 1e9);
    }
    if (measuring && now >= measure_until && totals.messages) finished = true;
}

static void report(void) {
    if (settings.mode == HOLD) return;
    double seconds = (double)(now - measure_from) / 1e9;
    printf("{\"mode\": \"%s\", \"raw\": %s, \"connections\": %d, \"in_flight\": %d, ", mode_names[settings.mode],
           settings.raw ? "true" : "false", settings.connections, settings.in_flight);
    printf("\"messages\": %" PRIu64 ", \"rounds\": %" PRIu64 ", \"compressed\": %" PRIu64 ", \"seconds\": %.6f, ",
           totals.messages, rounds_done, totals.compressed, seconds);
    printf("\"messages_per_second\": %.1f, \"octets_per_second\": %.1f, ", (double)totals.messages / seconds,
           (double)totals.octets / seconds);
    printf("\"server_seconds\": %.6f, ", server_seconds() - server_before);
    printf("\"latency_us\": {\"p50\": %.2f, \"p99\": %.2f, \"p99.9\": %.2f}, ", percentile_us(50), percentile_us(99),
           percentile_us(99.9));
    printf("\"extensions\": \"%s\"}\n", extensions);
}

static void read_blob(void) {
    if (!settings.blob_path) die("--blob is needed");
    FILE *file = fopen(settings.blob_path, "rb");
    if (!file) die("%s: %s", settings.blob_path, strerror(errno));
    if (fseek(file, 0, SEEK_END)) die("%s: %s", settings.blob_path, strerror(errno));
    blob_size = (size_t)ftell(file);
    rewind(file);
    if (!blob_size) die("%s is empty", settings.blob_path);
    size_t count = REPETITIONS_SIZE / blob_size;
    if (count > (size_t)settings.in_flight) count = (size_t)settings.in_flight;
    repetitions_size = blob_size * (count ? count : 1);
    blob = allocate(1, repetitions_size);
    if (fread(blob, 1, blob_size, file) != blob_size) die("%s cannot be read", settings.blob_path);
    fclose(file);
    for (size_t at = blob_size; at < repetitions_size; at += blob_size) memcpy(blob + at, blob, blob_size);
    blob_opcode = blob[0] & 15;
}

static void prepare_load(void) {
    if (settings.mode != HOLD) read_blob();
    if (settings.tls) load_tls();
    server_address.sin_family = AF_INET;
    server_address.sin_port = htons((uint16_t)settings.port);
    server_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!settings.raw) {
        int size = asprintf(&request,
                            "GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                            settings.port, settings.headers);
        if (size < 0) die("out of memory");
        request_size = (size_t)size;
    }
    all = allocate((size_t)settings.connections, sizeof *all);
    reached = allocate((size_t)settings.in_flight, sizeof *reached);
    for (int i = 0; i < settings.connections; i++) {
        all[i].number = i;
        all[i].sent_at = allocate((size_t)settings.in_flight, sizeof *all[i].sent_at);
    }
}

static void run_load(void) {
    struct epoll_event events[EVENTS];
    prepare_load();
    now = nanoseconds();
    while (next_to_open < settings.connections && (settings.mode == CYCLES || next_to_open < MAX_OPENING))
        open_connection(&all[next_to_open++]);
    if (settings.mode == CYCLES) start();
    while (!finished) {
        int count = epoll_wait(poller, events, EVENTS, 20);
        if (count < 0 && errno != EINTR) die("epoll_wait: %s", strerror(errno));
        now = nanoseconds();
        look_at_clock();
        for (int i = 0; i < count && !finished; i++) {
            char end;
            Connection *c = events[i].data.ptr;
            if (c)
                connection_event(c, events[i].events);
            else if (read(STDIN_FILENO, &end, 1) <= 0)
                finished = true;
        }
    }
    report();
}

/* The server, for measuring clients. A frame is answered while it comes: header, then payload, unmasked. */

typedef struct {
    int fd;
    bool is_open, is_ending;
    char head[MAX_HEAD + 1];
    size_t head_size;
    unsigned char header[14];
    unsigned header_size, phase;
    uint64_t frame_left;
    bool in_payload;
    /* Nothing is read while something is here, and an answer is shorter than its question, but for the handshake. */
    unsigned char out[RECEIVE_SIZE + 1024];
    size_t out_size, out_at;
    bool watches_out;
} Client;

static uint32_t rotate(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

static void sha1_block(uint32_t state[5], const unsigned char *block) {
    uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 || i >= 60 ? b ^ c ^ d : (b & c) | (b & d) | (c & d);
        uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
        uint32_t next = rotate(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

/* Of less than 120 octets. */
static void sha1(const char *text, size_t size, unsigned char digest[20]) {
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    unsigned char blocks[128] = {0};
    size_t total = size < 56 ? 64 : 128;
    memcpy(blocks, text, size);
    blocks[size] = 0x80;
    blocks[total - 2] = (unsigned char)(size * 8 >> 8);
    blocks[total - 1] = (unsigned char)(size * 8);
    for (size_t at = 0; at < total; at += 64) sha1_block(state, blocks + at);
    for (int i = 0; i < 20; i++) digest[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
}

/* Twenty octets are 28 characters, of which the last is padding. */
static void base64(const unsigned char digest[20], char text[29]) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 27; i++) {
        int bit = i * 6, octet = bit / 8, next = octet + 1 < 20 ? digest[octet + 1] : 0;
        text[i] = letters[((digest[octet] << 8 | next) >> (10 - bit % 8)) & 63];
    }
    text[27] = '=';
    text[28] = 0;
}

static void answer_handshake(Client *c) {
    const char *key = strcasestr(c->head, "\r\nSec-WebSocket-Key:");
    if (!key) die("a client's request has no Sec-WebSocket-Key");
    key += strlen("\r\nSec-WebSocket-Key:");
    key += strspn(key, " \t");
    char text[80], accept[29];
    unsigned char digest[20];
    int size = snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    sha1(text, (size_t)size, digest);
    base64(digest, accept);
    c->out_size += (size_t)sprintf((char *)c->out + c->out_size,
                                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                   "Sec-WebSocket-Accept: %s\r\n\r\n",
                                   accept);
    c->is_open = true;
}

static size_t serve_head(Client *c, const unsigned char *octets, size_t size) {
    size_t before = c->head_size, room = MAX_HEAD - before;
    size_t copied = size < room ? size : room;
    memcpy(c->head + before, octets, copied);
    c->head_size += copied;
    c->head[c->head_size] = 0;
    char *end = memmem(c->head, c->head_size, "\r\n\r\n", 4);
    if (!end && c->head_size == MAX_HEAD) die("the head of a client's request is over %d octets", MAX_HEAD);
    if (!end) return size;
    answer_handshake(c);
    return (size_t)(end + 4 - c->head) - before;
}

static void serve_header(Client *c) {
    unsigned char *h = c->header;
    unsigned length = h[1] & 127, opcode = h[0] & 15, extended = length == 126 ? 2 : length == 127 ? 8 : 0;
    c->frame_left = length;
    if (extended) c->frame_left = 0;
    for (unsigned i = 0; i < extended; i++) c->frame_left = c->frame_left << 8 | h[2 + i];
    unsigned char *out = c->out + c->out_size;
    memcpy(out, h, 2 + extended);
    if (opcode == 9) out[0] = 0x8a;
    out[1] &= 127;
    c->out_size += 2 + extended;
    memmove(h + 10, h + 2 + extended, 4);
    c->phase = 0;
    c->in_payload = true;
}

static void serve_payload(Client *c, const unsigned char *octets, size_t size) {
    unsigned char mask[8], *out = c->out + c->out_size;
    uint64_t wide, word;
    size_t at = 0;
    for (int i = 0; i < 8; i++) mask[i] = c->header[10 + ((c->phase + (unsigned)i) & 3)];
    memcpy(&wide, mask, 8);
    for (; at + 8 <= size; at += 8) {
        memcpy(&word, octets + at, 8);
        word ^= wide;
        memcpy(out + at, &word, 8);
    }
    for (; at < size; at++) out[at] = octets[at] ^ mask[at & 7];
    c->phase = (c->phase + (unsigned)size) & 3;
    c->out_size += size;
    c->frame_left -= size;
}

static void serve_frames(Client *c, const unsigned char *octets, size_t size) {
    while (size && !c->is_ending) {
        if (c->in_payload) {
            size_t taken = c->frame_left < size ? (size_t)c->frame_left : size;
            serve_payload(c, octets, taken);
            octets += taken;
            size -= taken;
        } else {
            c->header[c->header_size++] = *octets++;
            size--;
            if (c->header_size < 2) continue;
            if (!(c->header[1] & 0x80)) die("a client's frame is not masked");
            unsigned length = c->header[1] & 127;
            if (c->header_size < (length < 126 ? 6u : length == 126 ? 8u : 14u)) continue;
            serve_header(c);
        }
        if (c->frame_left || !c->in_payload) continue;
        c->in_payload = false;
        c->header_size = 0;
        if ((c->header[0] & 15) == 8) c->is_ending = true;
    }
}

static void drop_client(Client *c) {
    close(c->fd);
    free(c);
}

static void client_event(Client *c) {
    if (!c->out_size) {
        ssize_t came = recv(c->fd, received, RECEIVE_SIZE, 0);
        if (came < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (came <= 0) {
            drop_client(c);
            return;
        }
        size_t used = settings.raw || c->is_open ? 0 : serve_head(c, received, (size_t)came);
        if (settings.raw) memcpy(c->out, received, c->out_size = (size_t)came);
        else serve_frames(c, received + used, (size_t)came - used);
    }
    while (c->out_at < c->out_size) {
        ssize_t taken = send(c->fd, c->out + c->out_at, c->out_size - c->out_at, MSG_NOSIGNAL);
        if (taken < 0 && errno == EAGAIN) break;
        if (taken < 0) {
            drop_client(c);
            return;
        }
        c->out_at += (size_t)taken;
    }
    bool is_done = c->out_at == c->out_size;
    if (is_done) c->out_at = c->out_size = 0;
    struct epoll_event event = {.events = is_done ? EPOLLIN : EPOLLOUT, .data.ptr = c};
    if (!is_done || c->watches_out) epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
    c->watches_out = !is_done;
    if (is_done && c->is_ending) shutdown(c->fd, SHUT_WR);
}

static void accept_clients(int listener) {
    int one = 1;
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) return;
        if (fd < 0) die("accept: %s", strerror(errno));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        Client *c = allocate(1, sizeof *c);
        c->fd = fd;
        if (settings.raw && send(fd, "!", 1, MSG_NOSIGNAL) != 1) die("send: %s", strerror(errno));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl: %s", strerror(errno));
    }
}

static int start_listening(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)settings.port)};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1024))
        die("cannot listen: %s", strerror(errno));
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

/* Until its standard input ends. */
static void run_server(void) {
    struct epoll_event events[EVENTS], at_listener = {.events = EPOLLIN, .data.ptr = &settings};
    struct epoll_event at_input = {.events = EPOLLIN, .data.ptr = NULL};
    int listener = start_listening();
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &at_listener)) die("epoll_ctl: %s", strerror(errno));
    if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &at_input)) die("standard input must be a pipe or a terminal");
    for (;;) {
        int count = epoll_wait(poller, events, EVENTS, -1);
        if (count < 0 && errno != EINTR) die("epoll_wait: %s", strerror(errno));
        for (int i = 0; i < count; i++) {
            char end;
            if (events[i].data.ptr == &settings)
                accept_clients(listener);
            else if (events[i].data.ptr)
                client_event(events[i].data.ptr);
            else if (read(STDIN_FILENO, &end, 1) <= 0)
                return;
        }
    }
}

/* The command line. */

static const char usage[] =
    "load echo|cycles|receive|hold|serve [OPTION...]\n\n"
    "  echo      messages in a closed loop; prints JSON\n"
    "  cycles    connect, open, one message, close, and again; prints JSON\n"
    "  receive   the first connection sends a message, all wait for it, and again; prints JSON\n"
    "  hold      open connections, print \"ready\", keep them until the standard input ends\n"
    "  serve     be an echo server on 127.0.0.1: print the port, end with the standard input\n\n"
    "  --port N          of the server on 127.0.0.1; for serve, 0 takes a free one\n"
    "  --connections N   1\n"
    "  --in-flight N     messages per connection that wait for their replies, 1\n"
    "  --seconds S       to measure, 1\n"
    "  --warmup S        before that, 0.2\n"
    "  --rounds N        for receive: end after so many messages for each connection\n"
    "  --blob FILE       the octets of one message: masked frames, with --raw anything\n"
    "  --reply-size N    octets of payload that every reply must have; not checked without it\n"
    "  --pid N           of the server, to report for how long it was on a core\n"
    "  --header LINE     one more line for the handshake's request; may be repeated\n"
    "  --raw             no WebSocket: a server greets with one octet, then a reply is as many octets as were sent\n"
    "  --tls             TLS; the certificate is not checked\n";

static double number(const char *text, double least, double most, const char *name) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= least && value <= most))
        die("%s must be a number from %g to %g, not \"%s\"", name, least, most, text);
    return value;
}

static void add_header(const char *line) {
    size_t used = strlen(settings.headers);
    int size = snprintf(settings.headers + used, sizeof settings.headers - used, "%s\r\n", line);
    if (size < 0 || (size_t)size >= sizeof settings.headers - used) die("the headers are too long");
}

static void take_option(int option, const char *value) {
    switch (option) {
    case 'p': settings.port = (int)number(value, 0, 65535, "--port"); break;
    case 'c': settings.connections = (int)number(value, 1, MAX_CONNECTIONS, "--connections"); break;
    case 'f': settings.in_flight = (int)number(value, 1, MAX_IN_FLIGHT, "--in-flight"); break;
    case 's': settings.seconds = number(value, 0.01, 3600, "--seconds"); break;
    case 'w': settings.warmup = number(value, 0, 3600, "--warmup"); break;
    case 'n': settings.rounds = (uint64_t)number(value, 1, 1e15, "--rounds"); break;
    case 'b': settings.blob_path = value; break;
    case 'y': settings.reply_size = (int64_t)number(value, 0, 1e15, "--reply-size"); break;
    case 'i': settings.pid = (pid_t)number(value, 1, 1 << 30, "--pid"); break;
    case 'h': add_header(value); break;
    case 'r': settings.raw = true; break;
    case 't': settings.tls = true; break;
    case '?': die("see load --help");
    default: fputs(usage, stdout); exit(0);
    }
}

static void read_command_line(int count, char **words) {
    static const struct option options[] = {
        {"port", 1, 0, 'p'},       {"connections", 1, 0, 'c'}, {"in-flight", 1, 0, 'f'}, {"seconds", 1, 0, 's'},
        {"warmup", 1, 0, 'w'},     {"rounds", 1, 0, 'n'},      {"blob", 1, 0, 'b'},      {"reply-size", 1, 0, 'y'},
        {"header", 1, 0, 'h'},     {"raw", 0, 0, 'r'},         {"tls", 0, 0, 't'},       {"help", 0, 0, 'u'},
        {"pid", 1, 0, 'i'},
        {0, 0, 0, 0},
    };
    int option;
    while ((option = getopt_long(count, words, "", options, NULL)) != -1) take_option(option, optarg);
    if (count - optind != 1) die("one mode is needed; see load --help");
    settings.mode = (Mode)-1;
    for (int i = ECHO; i <= SERVE; i++)
        if (!strcmp(words[optind], mode_names[i])) settings.mode = (Mode)i;
    if (settings.mode == (Mode)-1) die("there is no mode \"%s\"; see load --help", words[optind]);
    if (settings.mode == CYCLES && settings.connections > MAX_OPENING)
        die("--connections of cycles may be at most %d", MAX_OPENING);
    if (settings.mode == CYCLES) settings.in_flight = 1;
    if (settings.mode != SERVE && !settings.port) die("--port is needed");
}

int main(int count, char **words) {
    struct rlimit files;
    read_command_line(count, words);
    signal(SIGPIPE, SIG_IGN);
    if (!getrlimit(RLIMIT_NOFILE, &files)) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (settings.mode != SERVE && files.rlim_cur < (rlim_t)settings.connections + 16)
        die("%d connections need more files than may be open (%ju)", settings.connections, (uintmax_t)files.rlim_cur);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) die("epoll_create1: %s", strerror(errno));
    if (settings.mode == SERVE)
        run_server();
    else
        run_load();
    return 0;
}
