/*
 * What libmosquitto, in C, needs for the same work: publishes `count` messages of 64 bytes, `width` at a time, or receives as
 * many, and prints the microseconds of CPU time and of wall clock that it took.
 *
 *   cc -O2 -o libmosquitto libmosquitto.c -lmosquitto
 *   ./libmosquitto publish|receive <host> <port> <topic> <qos> <count> <width>
 */
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static int done;
static int subscribed;
static char payload[64];

static void on_publish(struct mosquitto *client, void *context, int id) { done += 1; }
static void on_message(struct mosquitto *client, void *context, const struct mosquitto_message *message) { done += 1; }
static void on_subscribe(struct mosquitto *client, void *context, int id, int count, const int *granted) { subscribed = 1; }

static double cpu_microseconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static double wall_microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static void check(int code, const char *what) {
  if (code == MOSQ_ERR_SUCCESS) return;
  fprintf(stderr, "%s: %s\n", what, mosquitto_strerror(code));
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 8) return 2;
  const int publishing = strcmp(argv[1], "publish") == 0;
  const char *topic = argv[4];
  const int qos = atoi(argv[5]), count = atoi(argv[6]), width = atoi(argv[7]);
  memset(payload, 'p', sizeof payload);

  mosquitto_lib_init();
  struct mosquitto *client = mosquitto_new(NULL, true, NULL);
  mosquitto_publish_callback_set(client, on_publish);
  mosquitto_message_callback_set(client, on_message);
  mosquitto_subscribe_callback_set(client, on_subscribe);
  check(mosquitto_max_inflight_messages_set(client, width), "max_inflight");
  check(mosquitto_connect(client, argv[2], atoi(argv[3]), 60), "connect");
  if (!publishing) check(mosquitto_subscribe(client, NULL, topic, qos), "subscribe");
  while (!publishing && !subscribed) check(mosquitto_loop(client, 1000, 1), "loop");
  puts("ready");
  fflush(stdout);

  const double cpu = cpu_microseconds(), wall = wall_microseconds();
  int sent = 0;
  while (done < count) {
    for (; publishing && sent < count && sent - done < width; sent += 1)
      check(mosquitto_publish(client, NULL, topic, sizeof payload, payload, qos, false), "publish");
    check(mosquitto_loop(client, 1000, 1), "loop");
  }
  printf("%.0f %.0f\n", cpu_microseconds() - cpu, wall_microseconds() - wall);
  mosquitto_disconnect(client);
  mosquitto_destroy(client);
  return 0;
}
