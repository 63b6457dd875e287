/// The one place where librdkafka's headers are included, and shims for what Swift cannot call: variadic functions
/// and arrays of unions. No decision lives here.
#ifndef CRDKAFKA_H
#define CRDKAFKA_H

#include <stdbool.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/// Enqueues one record, copying its bytes. A negative length means null. Headers are taken over when this succeeds and
/// stay the caller's when it does not.
rd_kafka_resp_err_t crdkafka_produce(
    rd_kafka_t *client,
    const char *topic,
    int32_t partition,
    const void *key,
    int64_t key_length,
    const void *value,
    int64_t value_length,
    rd_kafka_headers_t *headers,
    int64_t timestamp,
    void *opaque);

/// Turns off a client's default logger, which writes to standard error.
void crdkafka_silence(rd_kafka_conf_t *conf);

/// Adds a header, copying its bytes. A negative length means null.
void crdkafka_add_header(rd_kafka_headers_t *headers, const char *name, const void *value, int64_t length);

/// Gives a list's element its own copy of the metadata, which the list frees.
void crdkafka_set_metadata(rd_kafka_topic_partition_t *element, const char *metadata, size_t length);

bool crdkafka_is_same_text(const char *one, const char *other);

/// The same but for the case of ASCII letters.
bool crdkafka_is_same_name(const char *one, const char *other);

#endif
