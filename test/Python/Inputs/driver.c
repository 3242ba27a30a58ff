/* Reads the input of BATCH samples, runs a library, writes the output; on its own: without a C library, so that it runs
 * in an emulator of another machine. Exit status: run's error code, whose text is then the output.
 * NAME, BATCH, IN and OUT (floats of one sample) and ROOM (bytes of workspace) are given on the command line. */
#include <stddef.h>
#include <stdint.h>

#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)

int JOIN(NAME, _run)(int64_t batch, const float *input, float *output, void *workspace);
const char *JOIN(NAME, _error)(int code);

#ifdef __x86_64__
enum { READ = 0, WRITE = 1, EXIT = 60 };
static long call(long number, long a, const void *b, long c) {
  __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return number;
}
__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  call begin\n"); /* the stack is aligned here */
#else
enum { READ = 63, WRITE = 64, EXIT = 93 };
static long call(long number, long a, const void *b, long c) {
  register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x2 __asm__("x2") = c;
  register const void *x1 __asm__("x1") = b;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x8) : "memory");
  return x0;
}
__asm__(".globl _start\n_start:\n  bl begin\n");
#endif

void *memcpy(void *to, const void *from, size_t size) {
  for (size_t i = 0; i < size; ++i)
    ((volatile char *)to)[i] = ((const char *)from)[i];
  return to;
}

void *memset(void *to, int value, size_t size) {
  for (size_t i = 0; i < size; ++i)
    ((volatile char *)to)[i] = (char)value;
  return to;
}

static float input[BATCH * IN], output[BATCH * OUT];
static char workspace[ROOM + 64] __attribute__((aligned(64)));

void begin(void) {
  for (size_t have = 0; have < sizeof(input);) {
    long got = call(READ, 0, (char *)input + have, (long)(sizeof(input) - have));
    if (got <= 0)
      call(EXIT, 99, NULL, 0);
    have += (size_t)got;
  }
  /* Twice: the second call takes the processor as known. */
  int code = JOIN(NAME, _run)(BATCH, input, output, workspace);
  if (JOIN(NAME, _run)(BATCH, input, output, workspace) != code)
    code = 98;
  const char *text = JOIN(NAME, _error)(code);
  long size = 0;
  while (text[size])
    ++size;
  if (code)
    call(WRITE, 1, text, size);
  else
    call(WRITE, 1, output, sizeof(output));
  call(EXIT, code, NULL, 0);
}
