// The floor of the benchmark: what the same work costs on librdkafka and libcurl with nothing around it.
//
// Reads commands, asks with up to IN_FLIGHT calls under way on connections that are kept, and writes each result with its headers and the
// consumed offset in one transaction, every 20 ms. A result waits until all before it in its partition are there, so that the offset speaks
// for all of them: exactly one result per command, whatever crashes.
//
// It has no ledger and no intents (a command that is read again is asked again), no order within a session, no retries, no deadlines, and
// reads flat JSON without escapes. Whatever goes wrong, losing a partition included, ends it with status 1 and a line that says why.
//
//   peer_c BROKERS COMMANDS RESULTS GROUP URL CA_FILE IN_FLIGHT      (CA_FILE is - over plain HTTP; the key is in the environment)

#define _GNU_SOURCE
#include <curl/curl.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { LANES = 256, BATCH = 512, UNCOMMITTED = 8192, COMMIT_EVERY_MS = 20, IDLE_MS = 50, WAIT_MS = 30000 };

struct text {
    const char *bytes;
    size_t length;
};

struct command {
    struct command *next;  // in its partition, oldest first
    rd_kafka_message_t *message;
    struct text session, phone, code;
    int64_t received_ms, completed_ms;
    char answer[256];
    size_t answer_length;
    bool is_done;
};

struct call {
    struct call *next;  // among those that are free
    CURL *easy;
    struct command *command;
    char body[512];
};

static rd_kafka_t *consumer, *producer;
static rd_kafka_queue_t *queue;
static const char *results_topic;
static CURLM *multi;
static struct call *free_calls;
static int loop, calls_under_way, uncommitted;
static int64_t curl_due_ms = -1;

static volatile sig_atomic_t is_asked_to_end;
static bool are_calls_ended;

// Of each partition the first and the last command that are not committed; the lock is the loop's and that of the thread that commits.
static struct command *first[LANES], *last[LANES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t calls_end = PTHREAD_COND_INITIALIZER;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "peer_c: %s: %s\n", what, why);
    _exit(1);
}

// Of librdkafka's calls that return an error object.
static void need(const char *what, rd_kafka_error_t *error) {
    if (error) fail(what, rd_kafka_error_string(error));
}

static int64_t milliseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

// The text of a field, up to the next quote.
static struct text field(const char *json, size_t length, const char *name) {
    const char *end = json + length, *at = memmem(json, length, name, strlen(name));
    if (!at) fail("a command lacks", name);
    at += strlen(name);
    while (at < end && (*at == ' ' || *at == ':')) at++;
    const char *close = at < end && *at == '"' ? memchr(at + 1, '"', end - at - 1) : NULL;
    if (!close) fail("no text in", name);
    return (struct text){at + 1, close - at - 1};
}

static size_t write_time(char *target, int64_t at_ms) {
    static time_t cached_second = -1;
    static char cached[32];
    if (at_ms / 1000 != cached_second) {
        struct tm parts;
        cached_second = at_ms / 1000;
        strftime(cached, sizeof cached, "%Y-%m-%dT%H:%M:%S", gmtime_r(&cached_second, &parts));
    }
    return sprintf(target, "%s.%03dZ", cached, (int)(at_ms % 1000));
}

// As the worker writes it, in the same order.
static int write_result(char *target, size_t size, const struct command *command, const char *place, const char *completed) {
    const rd_kafka_message_t *message = command->message;
    const char *topic = rd_kafka_topic_name(message->rkt), *phone = command->phone.bytes;
    char received[40];
    write_time(received, command->received_ms);
    struct text said = field(command->answer, command->answer_length, "\"message\"");
    return snprintf(
        target, size,
        "{\"command_id\":\"%s\",\"otp_session_id\":\"%.*s\",\"status\":\"verified\",\"reason\":\"ok\",\"retryable\":false,"
        "\"in_doubt\":false,\"replayed\":false,\"code\":0,\"message\":\"%.*s\",\"http_status\":200,\"calls\":1,"
        "\"user_gsm\":\"%.3s*****%.2s\",\"received_at\":\"%s\",\"completed_at\":\"%s\","
        "\"source\":{\"topic\":\"%s\",\"partition\":%d,\"offset\":%lld},\"worker\":\"peer_c\"}",
        place, (int)command->session.length, command->session.bytes, (int)said.length, said.bytes, phone,
        phone + command->phone.length - 2, received, completed, topic, message->partition, (long long)message->offset);
}

#define HEADER(name, text) RD_KAFKA_V_HEADER(name, text, sizeof text - 1)

static void produce(const struct command *command) {
    char value[2048], completed[40], place[320];
    size_t time_length = write_time(completed, command->completed_ms);
    int place_length = snprintf(place, sizeof place, "%s/%d/%lld", rd_kafka_topic_name(command->message->rkt),
                                command->message->partition, (long long)command->message->offset);
    int length = write_result(value, sizeof value, command, place, completed);
    if (length >= (int)sizeof value) fail("a result", "too long");
    strcpy(place + place_length, "/result");
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(results_topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY((void *)command->session.bytes, command->session.length), RD_KAFKA_V_VALUE(value, length),
        HEADER("ce_specversion", "1.0"), RD_KAFKA_V_HEADER("ce_id", place, place_length + 7), HEADER("ce_source", "/otp-worker"),
        HEADER("ce_type", "tr.com.paynet.otp.verification.v1"), HEADER("content-type", "application/json"),
        RD_KAFKA_V_HEADER("ce_subject", command->session.bytes, command->session.length),
        RD_KAFKA_V_HEADER("ce_time", completed, time_length), RD_KAFKA_V_END);
    if (error) fail("produce", rd_kafka_err2str(error));
}

// What is finished at the head of each partition, as one list; `offsets` says up to where.
static struct command *pop_finished(rd_kafka_topic_partition_list_t *offsets) {
    struct command *taken = NULL, **end = &taken;
    pthread_mutex_lock(&lock);
    for (int number = 0; number < LANES; number++) {
        const rd_kafka_message_t *newest = NULL;
        while (first[number] && __atomic_load_n(&first[number]->is_done, __ATOMIC_ACQUIRE)) {
            *end = first[number];
            newest = first[number]->message;
            first[number] = first[number]->next;
            end = &(*end)->next;
            *end = NULL;
        }
        if (newest) rd_kafka_topic_partition_list_add(offsets, rd_kafka_topic_name(newest->rkt), number)->offset = newest->offset + 1;
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

static void commit(struct command *batch, rd_kafka_topic_partition_list_t *offsets) {
    need("begin", rd_kafka_begin_transaction(producer));
    for (const struct command *command = batch; command; command = command->next) produce(command);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(consumer);
    need("offsets", rd_kafka_send_offsets_to_transaction(producer, offsets, group, WAIT_MS));
    rd_kafka_consumer_group_metadata_destroy(group);
    need("commit", rd_kafka_commit_transaction(producer, WAIT_MS));
    while (batch) {
        struct command *done = batch;
        batch = batch->next;
        rd_kafka_message_destroy(done->message);
        free(done);
        __atomic_sub_fetch(&uncommitted, 1, __ATOMIC_RELAXED);
    }
}

/* Whether all calls have ended, which it waits for no longer than this. */
static bool wait_for_end(int milliseconds) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += milliseconds * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&lock);
    while (!are_calls_ended && !pthread_cond_timedwait(&calls_end, &lock, &until)) {}
    bool are_ended = are_calls_ended;
    pthread_mutex_unlock(&lock);
    return are_ended;
}

static void *commit_for_ever(void *unused) {
    (void)unused;
    for (;;) {
        bool is_last = wait_for_end(COMMIT_EVERY_MS);
        rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(8);
        struct command *batch = pop_finished(offsets);
        if (batch) commit(batch, offsets);
        rd_kafka_topic_partition_list_destroy(offsets);
        if (is_last) return NULL;
    }
}

static size_t write_body(char *bytes, size_t size, size_t count, void *context) {
    struct command *command = ((struct call *)context)->command;
    if (command->answer_length + size * count > sizeof command->answer) fail("an answer", "too long");
    memcpy(command->answer + command->answer_length, bytes, size * count);
    command->answer_length += size * count;
    return size * count;
}

static void start_call(struct command *command) {
    struct text phone = command->phone, session = command->session, code = command->code;
    struct call *call = free_calls;
    free_calls = call->next;
    call->command = command;
    int length = snprintf(call->body, sizeof call->body, "{\"user_gsm\":\"%.*s\",\"otp_session_id\":\"%.*s\",\"otp_code\":\"%.*s\"}",
                          (int)phone.length, phone.bytes, (int)session.length, session.bytes, (int)code.length, code.bytes);
    if (length >= (int)sizeof call->body) fail("a command", "too long");
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body);
    curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, (long)length);
    curl_multi_add_handle(multi, call->easy);
    calls_under_way++;
}

static void end_call(CURL *easy, CURLcode outcome) {
    struct call *call;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (outcome != CURLE_OK) fail("call", curl_easy_strerror(outcome));
    struct command *command = call->command;
    if (status != 200 || !memmem(command->answer, command->answer_length, "\"code\":0,", 9)) fail("call", "not verified");
    command->completed_ms = milliseconds(CLOCK_REALTIME);
    curl_multi_remove_handle(multi, easy);
    __atomic_store_n(&command->is_done, true, __ATOMIC_RELEASE);
    call->next = free_calls;
    free_calls = call;
    calls_under_way--;
}

static int watch_socket(CURL *easy, curl_socket_t socket, int what, void *unused, void *is_known) {
    (void)easy, (void)unused;
    struct epoll_event event = {.data.fd = socket, .events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0)};
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(loop, EPOLL_CTL_DEL, socket, NULL);
    } else {
        epoll_ctl(loop, is_known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event);
        curl_multi_assign(multi, socket, &loop);
    }
    return 0;
}

static int set_timer(CURLM *unused, long after_ms, void *context) {
    (void)unused, (void)context;
    curl_due_ms = after_ms < 0 ? -1 : milliseconds(CLOCK_MONOTONIC) + after_ms;
    return 0;
}

static void make_calls(const char *origin, const char *ca_file, int count) {
    char url[512], authorization[512];
    const char *key = getenv("OTP_CHECK_OTP_SECRET_KEY");
    if (!key) fail("OTP_CHECK_OTP_SECRET_KEY", "not set");
    snprintf(url, sizeof url, "%s/v1/card/check_otp", origin);
    snprintf(authorization, sizeof authorization, "Authorization: Basic %s", key);
    struct curl_slist *headers = curl_slist_append(NULL, authorization);
    headers = curl_slist_append(headers, "Content-Type: application/json; charset=UTF-8");
    headers = curl_slist_append(headers, "Accept: application/json");
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)count);
    for (int number = 0; number < count; number++) {
        struct call *call = calloc(1, sizeof *call);
        call->easy = curl_easy_init();
        curl_easy_setopt(call->easy, CURLOPT_URL, url);
        curl_easy_setopt(call->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, write_body);
        curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
        curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
        curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(call->easy, CURLOPT_PROXY, "");
        curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, 5000L);
        if (strcmp(ca_file, "-") != 0) curl_easy_setopt(call->easy, CURLOPT_CAINFO, ca_file);
        call->next = free_calls;
        free_calls = call;
    }
}

static void receive_command(rd_kafka_message_t *message) {
    if (message->err) fail("consume", rd_kafka_message_errstr(message));
    if (message->partition >= LANES) fail("a partition", "too many of them");
    struct command *command = calloc(1, sizeof *command);
    command->message = message;
    command->received_ms = milliseconds(CLOCK_REALTIME);
    command->session = field(message->payload, message->len, "\"otp_session_id\"");
    command->phone = field(message->payload, message->len, "\"user_gsm\"");
    command->code = field(message->payload, message->len, "\"otp_code\"");
    if (command->phone.length != 10) fail("a phone number", "not of ten digits");
    *(first[message->partition] ? &last[message->partition]->next : &first[message->partition]) = command;
    last[message->partition] = command;
    start_call(command);
}

// As many as calls are free; returns whether there may be more.
static bool receive_commands(int in_flight) {
    rd_kafka_message_t *messages[BATCH];
    int free_count = in_flight - calls_under_way, room = UNCOMMITTED - __atomic_load_n(&uncommitted, __ATOMIC_RELAXED);
    room = room < free_count ? room : free_count;
    if (room <= 0) return true;
    if (room > BATCH) room = BATCH;
    ssize_t count = rd_kafka_consume_batch_queue(queue, 0, messages, room);
    if (count <= 0) return false;
    pthread_mutex_lock(&lock);
    for (ssize_t number = 0; number < count; number++) receive_command(messages[number]);
    pthread_mutex_unlock(&lock);
    __atomic_add_fetch(&uncommitted, (int)count, __ATOMIC_RELAXED);
    return count == room;
}

static rd_kafka_t *make_client(rd_kafka_type_t type, const char *const settings[][2]) {
    char why[512];
    rd_kafka_conf_t *configuration = rd_kafka_conf_new();
    for (; (*settings)[0]; settings++) {
        if (rd_kafka_conf_set(configuration, (*settings)[0], (*settings)[1], why, sizeof why)) fail((*settings)[0], why);
    }
    rd_kafka_t *client = rd_kafka_new(type, configuration, why, sizeof why);
    if (!client) fail("client", why);
    return client;
}

static void start_kafka(const char *brokers, const char *topic, const char *group) {
    const char *const reading[][2] = {{"bootstrap.servers", brokers}, {"group.id", group}, {"enable.auto.commit", "false"},
        {"auto.offset.reset", "earliest"}, {"fetch.wait.max.ms", "100"}, {"isolation.level", "read_committed"}, {"max.poll.interval.ms", "86400000"}, {NULL, NULL}};
    const char *const writing[][2] = {{"bootstrap.servers", brokers}, {"transactional.id", group}, {"linger.ms", "1"},
        {"partitioner", "murmur2_random"}, {NULL, NULL}};
    producer = make_client(RD_KAFKA_PRODUCER, writing);
    need("init", rd_kafka_init_transactions(producer, WAIT_MS));
    consumer = make_client(RD_KAFKA_CONSUMER, reading);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t error = rd_kafka_subscribe(consumer, topics);
    if (error) fail("subscribe", rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_destroy(topics);
    queue = rd_kafka_queue_get_consumer(consumer);
}

static void ask_to_end(int number) { is_asked_to_end = number; }

// Tells once that there is something to read from, and ends the process if that is ever taken away.
static void check_assignment(void) {
    static int owned = 0;
    rd_kafka_topic_partition_list_t *partitions;
    if (rd_kafka_assignment(consumer, &partitions)) return;
    if (owned > partitions->cnt) fail("partitions", "taken away");
    if (owned == 0 && partitions->cnt > 0) printf("ready\n"), fflush(stdout);
    owned = partitions->cnt;
    rd_kafka_topic_partition_list_destroy(partitions);
}

// Until a socket, the queue or curl's timer has something, or for a moment.
static void turn(int wake, bool *has_more) {
    struct epoll_event events[128];
    int64_t wait = curl_due_ms < 0 ? IDLE_MS : curl_due_ms - milliseconds(CLOCK_MONOTONIC);
    int running, count = epoll_wait(loop, events, 128, wait < 0 ? 0 : wait > IDLE_MS ? IDLE_MS : (int)wait);
    for (int number = 0; number < count; number++) {
        int descriptor = events[number].data.fd;
        uint64_t ignored;
        if (descriptor == wake) {
            *has_more = read(wake, &ignored, sizeof ignored) > 0;
        } else {
            uint32_t what = events[number].events;
            int told = (what & ~EPOLLOUT ? CURL_CSELECT_IN : 0) | (what & EPOLLOUT ? CURL_CSELECT_OUT : 0);
            curl_multi_socket_action(multi, descriptor, told, &running);
        }
    }
    bool is_due = curl_due_ms >= 0 && curl_due_ms <= milliseconds(CLOCK_MONOTONIC);
    if (is_due) curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &count));) end_call(message->easy_handle, message->data.result);
}

static void run(int wake, int in_flight) {
    bool has_more = true;
    int64_t checked_ms = 0;
    while (!is_asked_to_end || calls_under_way > 0) {
        turn(wake, &has_more);
        if (!is_asked_to_end && has_more) has_more = receive_commands(in_flight);
        int64_t now = milliseconds(CLOCK_MONOTONIC);
        if (now - checked_ms >= IDLE_MS) check_assignment(), checked_ms = now;
    }
}

int main(int count, char **arguments) {
    if (count != 8) fail("usage", "peer_c BROKERS COMMANDS RESULTS GROUP URL CA_FILE IN_FLIGHT");
    signal(SIGTERM, ask_to_end);
    signal(SIGPIPE, SIG_IGN);
    loop = epoll_create1(EPOLL_CLOEXEC);
    int wake = eventfd(0, EFD_NONBLOCK), in_flight = atoi(arguments[7]);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = wake};
    epoll_ctl(loop, EPOLL_CTL_ADD, wake, &event);
    uint64_t one = 1;
    results_topic = arguments[3];
    make_calls(arguments[5], arguments[6], in_flight);
    start_kafka(arguments[1], arguments[2], arguments[4]);
    rd_kafka_queue_io_event_enable(queue, wake, &one, sizeof one);
    pthread_t committer;
    pthread_create(&committer, NULL, commit_for_ever, NULL);
    run(wake, in_flight);
    pthread_mutex_lock(&lock);
    are_calls_ended = true;
    pthread_cond_signal(&calls_end);
    pthread_mutex_unlock(&lock);
    pthread_join(committer, NULL);
    rd_kafka_consumer_close(consumer);
    return 0;
}
