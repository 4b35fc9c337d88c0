/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For spatch alone: what it cannot parse unless it is told what it stands for.
 */
#define __goalloc_attrs
#define __malloc
#define __gc
#define __force
#define __alloc_size(...)
#define TEST(name) static void test_##name(void)
#define TEST_F(fixture, name) static void fixture##_##name(void)
#define TEST_F_TIMEOUT(fixture, name, seconds) TEST_F(fixture, name)
#define FIXTURE(name) struct name
#define FIXTURE_SETUP(name) static void name##_setup(void)
#define FIXTURE_TEARDOWN(name) static void name##_teardown(void)
#define TEST_HARNESS_MAIN int main(void) { return 0; }
