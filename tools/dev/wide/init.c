//===- init.c - The only process of an emulated machine
//---------------------------------------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===-----------------------------------------------------------------------------------------------------------------===//
//
// Runs compress-run in each folder of /jobs, and tells the host what came out, through the emulator's port E9: there
// are no drivers of disks, and serial lines are slow. run-wide reads it: lines, and after a line "file" its bytes.
//
//===-----------------------------------------------------------------------------------------------------------------===//

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kPort = 0xe9, kMostArguments = 64 };

static void sendBytes(const char *bytes, size_t count) {
  __asm__ volatile("rep outsb" : "+S"(bytes), "+c"(count) : "d"(kPort) : "memory");
}

static void sendLine(const char *format, ...) {
  char line[512];
  va_list values;
  va_start(values, format);
  int length = vsnprintf(line, sizeof line, format, values);
  va_end(values);
  sendBytes(line, length);
}

static void sendFile(const char *path, const char *name) {
  static char bytes[1 << 16];
  struct stat status;
  int file = open(path, O_RDONLY);
  if (file < 0 || fstat(file, &status) != 0)
    return;
  sendLine("file %s %lld\n", name, (long long)status.st_size);
  for (ssize_t count; (count = read(file, bytes, sizeof bytes)) > 0;)
    sendBytes(bytes, count);
  close(file);
}

static void sendOutputs(void) {
  DIR *folder = opendir("out");
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    char path[512];
    snprintf(path, sizeof path, "out/%s", entry->d_name);
    if (entry->d_name[0] != '.')
      sendFile(path, entry->d_name);
  }
  if (folder)
    closedir(folder);
}

/// In a new process; the file "arguments" has one in each line.
static void execute(void) {
  char *arguments[kMostArguments] = {"/compress-run"}, line[512];
  int count = 1, log = open("log", O_WRONLY | O_CREAT | O_TRUNC, 0666);
  FILE *file = fopen("arguments", "r");
  while (file && count + 1 < kMostArguments && fgets(line, sizeof line, file))
    arguments[count++] = strdup(strtok(line, "\n"));
  dup2(log, 1);
  dup2(log, 2);
  execv(arguments[0], arguments);
  _exit(127);
}

/// From now on nothing runs before this process and its children: the kernel would not save their tiles (run-wide's
/// PATCHES).
static void keepProcessor(void) {
  struct sched_param priority = {.sched_priority = 50};
  mount("proc", "/proc", "proc", 0, NULL);
  int limit = open("/proc/sys/kernel/sched_rt_runtime_us", O_WRONLY);
  if (limit < 0 || write(limit, "-1", 2) != 2 || sched_setscheduler(0, SCHED_FIFO, &priority) != 0)
    sendLine("wide-shares its processor\n");
  close(limit);
}

int main(void) {
  if (iopl(3) != 0)
    return 1;
  keepProcessor();
  sendLine("wide-begin\n");
  for (int job = 0;; ++job) {
    char folder[64];
    snprintf(folder, sizeof folder, "/jobs/%d", job);
    if (chdir(folder) != 0)
      break;
    int status = 0;
    pid_t process = fork();
    if (process == 0)
      execute();
    waitpid(process, &status, 0);
    sendLine("job %d %d\n", job, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    sendFile("log", "log");
    sendOutputs();
  }
  sendLine("wide-end\n");
  for (;;)
    pause();
}
