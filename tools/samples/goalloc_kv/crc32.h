/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CRC-32 as in gzip and Ethernet, eight bytes a step.
 */
#ifndef KVCTL_CRC32_H
#define KVCTL_CRC32_H

#include <endian.h>
#include <linux/types.h>
#include <stddef.h>
#include <string.h>

static __u32 crc32_table[8][256];

static void crc32_init(void)
{
	__u32 c;
	int i, j;

	for (i = 0; i < 256; i++) {
		c = i;
		for (j = 0; j < 8; j++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
		crc32_table[0][i] = c;
	}
	for (i = 0; i < 256; i++)
		for (j = 1; j < 8; j++) {
			c = crc32_table[j - 1][i];
			crc32_table[j][i] = c >> 8 ^ crc32_table[0][c & 0xff];
		}
}

static __u32 crc32(const void *data, size_t size)
{
	const unsigned char *p = data;
	__u32 c = ~0U, lo, hi;

	if (!crc32_table[0][1])
		crc32_init();
	for (; size >= 8; p += 8, size -= 8) {
		memcpy(&lo, p, 4);
		memcpy(&hi, p + 4, 4);
		lo = c ^ le32toh(lo);
		hi = le32toh(hi);
		c = crc32_table[7][lo & 0xff] ^ crc32_table[6][lo >> 8 & 0xff] ^
		    crc32_table[5][lo >> 16 & 0xff] ^ crc32_table[4][lo >> 24] ^
		    crc32_table[3][hi & 0xff] ^ crc32_table[2][hi >> 8 & 0xff] ^
		    crc32_table[1][hi >> 16 & 0xff] ^ crc32_table[0][hi >> 24];
	}
	while (size--)
		c = c >> 8 ^ crc32_table[0][(c ^ *p++) & 0xff];
	return ~c;
}

#endif /* KVCTL_CRC32_H */
