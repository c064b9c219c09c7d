/* A member of the library of compile/archive: odd-even transposition sort in one region. */
int comparisons_made;

void sort(int *a, int n)
{
    int made = 0;
#pragma omp parallel reduction(+ : made)
    for (int pass = 0; pass < n; ++pass) {
#pragma omp for
        for (int i = pass % 2; i < n - 1; i += 2) {
            ++made;
            if (a[i] > a[i + 1]) {
                int t = a[i];
                a[i] = a[i + 1];
                a[i + 1] = t;
            }
        }
    }
    comparisons_made = made;
}
