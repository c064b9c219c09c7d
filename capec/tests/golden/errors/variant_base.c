/* declare variant before something that is no function. */
int g(void);
#pragma omp declare variant(g) match(construct={parallel})
int f;

int main(void)
{
    return f;
}
