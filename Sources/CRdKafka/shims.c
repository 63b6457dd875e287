#include "CRdKafka.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
    void *opaque)
{
    // An empty key or value is not a null one, and an empty Swift array may have no address.
    const void *key_bytes = key_length < 0 ? NULL : (key != NULL ? key : "");
    const void *value_bytes = value_length < 0 ? NULL : (value != NULL ? value : "");
    rd_kafka_vu_t fields[8];
    size_t count = 0;

    fields[count].vtype = RD_KAFKA_VTYPE_TOPIC;
    fields[count++].u.cstr = topic;
    fields[count].vtype = RD_KAFKA_VTYPE_PARTITION;
    fields[count++].u.i32 = partition;
    fields[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    fields[count++].u.i = RD_KAFKA_MSG_F_COPY;
    fields[count].vtype = RD_KAFKA_VTYPE_KEY;
    fields[count].u.mem.ptr = (void *)key_bytes;
    fields[count++].u.mem.size = key_length < 0 ? 0 : (size_t)key_length;
    fields[count].vtype = RD_KAFKA_VTYPE_VALUE;
    fields[count].u.mem.ptr = (void *)value_bytes;
    fields[count++].u.mem.size = value_length < 0 ? 0 : (size_t)value_length;
    fields[count].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    fields[count++].u.i64 = timestamp;
    fields[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
    fields[count++].u.ptr = opaque;
    // One list, never single headers: those are freed twice when the partition does not exist (before 2.12).
    if (headers != NULL) {
        fields[count].vtype = RD_KAFKA_VTYPE_HEADERS;
        fields[count++].u.headers = headers;
    }

    rd_kafka_error_t *error = rd_kafka_produceva(client, fields, count);
    if (error == NULL) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
}

void crdkafka_silence(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_log_cb(conf, NULL);
}

void crdkafka_set_metadata(rd_kafka_topic_partition_t *element, const char *metadata, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, metadata, length);
    copy[length] = 0;
    element->metadata = copy;
    element->metadata_size = length;
}

bool crdkafka_is_same_text(const char *one, const char *other)
{
    return strcmp(one, other) == 0;
}

bool crdkafka_is_same_name(const char *one, const char *other)
{
    return strcasecmp(one, other) == 0;
}

void crdkafka_add_header(rd_kafka_headers_t *headers, const char *name, const void *value, int64_t length)
{
    const void *bytes = length < 0 ? NULL : (value != NULL ? value : "");
    rd_kafka_header_add(headers, name, -1, bytes, length < 0 ? 0 : (ssize_t)length);
}
