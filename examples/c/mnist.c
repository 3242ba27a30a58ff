/* Classifies one image of zeros: cc mnist.c -I DIR DIR/libmnist_circulant.a -lm */
#include "mnist_circulant.h"
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  static float image[28 * 28], logits[10];
  void *workspace = aligned_alloc(64, (mnist_circulant_workspace_bytes(1) + 63) / 64 * 64);
  int code = mnist_circulant_run(1, image, logits, workspace);
  for (int i = 0; i < 10 && code == 0; ++i)
    printf("%d: %f\n", i, logits[i]);
  free(workspace);
  return code;
}
