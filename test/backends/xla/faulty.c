/*
 * A PJRT plugin that fails where it is told to. In all else it is the plugin that FAULTY_REAL names; without one it has
 * a table whose functions but for errors do nothing.
 *
 *   FAULTY=<place>:<n>:<what>   at the nth call, counted from 1, of client, compile, put or execute
 *     segv, abort       the process ends by this signal
 *     parent            the call is done, and the process that started this one is killed
 *     interrupt         the call is done, and a Ctrl-C goes to the process group, as a terminal sends it
 *     wait              it takes three seconds
 *     <code>=<text>     an error of absl::Status
 *   FAULTY_VERSION=<minor>, FAULTY_WORDS=<words of the table>   what it says of itself
 *
 * Built by test/backends/xla/faulty.ts: cc -shared -fPIC. Places in the table: src/backends/xla/pjrt/slots.ts.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long long word;
typedef void *(*function)(word *);

enum { HEADER = 5, SLOTS = 160 };
enum { ERROR_DESTROY = 0, ERROR_MESSAGE = 1, ERROR_CODE = 2, CLIENT = 10, COMPILE = 20, PUT = 22, EXECUTE = 55 };

static word table[HEADER + SLOTS];
static function real[SLOTS];
static char place[16], what[512];
static int at = -1;
static struct { char text[512]; int code; } ours;

static void *nothing(word *args) { (void)args; return NULL; }

static void *destroy(word *args) { return args[2] == (word)&ours ? NULL : real[ERROR_DESTROY](args); }
static void *message(word *args) {
  if (args[2] != (word)&ours) return real[ERROR_MESSAGE](args);
  args[3] = (word)ours.text;
  args[4] = strlen(ours.text);
  return NULL;
}
static void *code(word *args) {
  if (args[2] != (word)&ours) return real[ERROR_CODE](args);
  *(int *)&args[3] = ours.code;
  return NULL;
}

static void *call(int slot, const char *name, int *count, word *args) {
  if (strcmp(place, name) != 0 || ++*count != at) return real[slot](args);
  if (strcmp(what, "segv") == 0) raise(SIGSEGV);
  if (strcmp(what, "abort") == 0) abort();
  if (sscanf(what, "%d=%511[^\n]", &ours.code, ours.text) == 2) return &ours;
  if (strcmp(what, "wait") == 0) sleep(3);
  void *error = real[slot](args);
  if (strcmp(what, "parent") == 0) kill(getppid(), SIGKILL);
  if (strcmp(what, "interrupt") == 0) kill(0, SIGINT);
  return error;
}
static void *client(word *args) { static int n; return call(CLIENT, "client", &n, args); }
static void *compile(word *args) { static int n; return call(COMPILE, "compile", &n, args); }
static void *put(word *args) { static int n; return call(PUT, "put", &n, args); }
static void *execute(word *args) { static int n; return call(EXECUTE, "execute", &n, args); }

void *GetPjrtApi(void) {
  const char *library = getenv("FAULTY_REAL"), *fault = getenv("FAULTY");
  const char *minor = getenv("FAULTY_VERSION"), *words = getenv("FAULTY_WORDS");
  table[0] = 8 * (HEADER + SLOTS);
  table[2] = 24;
  ((int *)&table[4])[1] = 115;
  for (int i = 0; i < SLOTS; i++) real[i] = nothing;
  if (library != NULL) {
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) { fprintf(stderr, "%s\n", dlerror()); return NULL; }
    word *theirs = ((word * (*)(void)) dlsym(handle, "GetPjrtApi"))();
    memcpy(table, theirs, theirs[0] < sizeof table ? theirs[0] : sizeof table);
    table[0] = theirs[0] < sizeof table ? theirs[0] : sizeof table;
    memcpy(real, table + HEADER, sizeof real);
  }
  memcpy(table + HEADER, real, sizeof real);
  if (fault != NULL) sscanf(fault, "%15[a-z]:%d:%511[^\n]", place, &at, what);
  if (minor != NULL) ((int *)&table[4])[1] = atoi(minor);
  if (words != NULL) table[0] = 8 * atoi(words);
  table[HEADER + ERROR_DESTROY] = (word)destroy;
  table[HEADER + ERROR_MESSAGE] = (word)message;
  table[HEADER + ERROR_CODE] = (word)code;
  table[HEADER + CLIENT] = (word)client;
  table[HEADER + COMPILE] = (word)compile;
  table[HEADER + PUT] = (word)put;
  table[HEADER + EXECUTE] = (word)execute;
  return table;
}
