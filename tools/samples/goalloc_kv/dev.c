// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/goalloc_kv: the store's user interface, and loading and unloading.
 *
 * Every size that comes from user space is checked here, before anything is
 * allocated. Copies between user space and goalloc objects go through
 * goalloc's own functions, which know where an object ends.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/goalloc.h>
#include <linux/kernel.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "goalloc_kv.h"
#include "store.h"

/* Room for the largest pair, and for the one that replaces it. */
#define MIN_LIMIT_MB 40
#define MAX_LIMIT_MB min(ULONG_MAX / SZ_1M, 1UL << 20)

static unsigned int limit_mb = 256;
module_param(limit_mb, uint, 0444);
MODULE_PARM_DESC(limit_mb, "most that the store may occupy, in MiB, 40 to 1048576 (default 256)");

static int pair_from_user(struct goalloc_kv_pair *pair, void __user *arg)
{
	if (copy_from_user(pair, arg, sizeof(*pair)))
		return -EFAULT;
	if (!pair->key_size || pair->flags)
		return -EINVAL;
	return pair->key_size > GOALLOC_KV_MAX_SIZE ? -EFBIG : 0;
}

/* A key to look up is not the store's: it comes from the default heap. */
static void *key_from_user(const struct goalloc_kv_pair *pair)
{
	void *key = goalloc_alloc_noscan(pair->key_size, GFP_KERNEL | __GFP_NOWARN);

	if (!key)
		return ERR_PTR(-ENOMEM);
	if (goalloc_copy_from_user(key, u64_to_user_ptr(pair->key), pair->key_size)) {
		goalloc_free(key);
		return ERR_PTR(-EFAULT);
	}
	return key;
}

static int fill_entry(struct kv_entry *entry, const struct goalloc_kv_pair *pair)
{
	if (goalloc_copy_from_user(entry->key->bytes, u64_to_user_ptr(pair->key), pair->key_size))
		return -EFAULT;
	if (goalloc_copy_from_user(entry->value, u64_to_user_ptr(pair->value), pair->value_size))
		return -EFAULT;
	return 0;
}

static int ioctl_put(void __user *arg)
{
	struct goalloc_kv_pair pair;
	struct kv_entry *entry;
	int err;

	err = pair_from_user(&pair, arg);
	if (err)
		return err;
	if (pair.value_size > GOALLOC_KV_MAX_SIZE)
		return -EFBIG;

	entry = kv_entry_new(pair.key_size, pair.value_size);
	if (IS_ERR(entry))
		return PTR_ERR(entry);
	err = fill_entry(entry, &pair);
	if (!err)
		err = kv_put(entry);
	if (err)
		kv_entry_put(entry);
	return err;
}

/* The value stays while it is copied, for its entry has a reference. */
static int value_to_user(const struct kv_entry *entry, struct goalloc_kv_pair *pair)
{
	u32 room = pair->value_size;

	pair->value_size = entry->value_size;
	if (entry->value_size > room)
		return -ERANGE;
	if (goalloc_copy_to_user(u64_to_user_ptr(pair->value), entry->value, entry->value_size))
		return -EFAULT;
	return 0;
}

static int ioctl_get(void __user *arg)
{
	struct goalloc_kv_pair pair;
	struct kv_entry *entry;
	int err;

	err = pair_from_user(&pair, arg);
	if (err)
		return err;

	void *key __free(goalloc) = key_from_user(&pair);

	if (IS_ERR(key))
		return PTR_ERR(key);
	entry = kv_get(key, pair.key_size);
	if (!entry)
		return -ENOENT;
	err = value_to_user(entry, &pair);
	kv_entry_put(entry);
	if ((!err || err == -ERANGE) && copy_to_user(arg, &pair, sizeof(pair)))
		err = -EFAULT;
	return err;
}

static int ioctl_delete(void __user *arg)
{
	struct goalloc_kv_pair pair;
	int err;

	err = pair_from_user(&pair, arg);
	if (err)
		return err;

	void *key __free(goalloc) = key_from_user(&pair);

	if (IS_ERR(key))
		return PTR_ERR(key);
	return kv_delete(key, pair.key_size);
}

static int key_to_user(const struct kv_entry *entry, struct goalloc_kv_next *next)
{
	const struct kv_key *key = entry->key;
	u32 room = next->key_size;

	next->key_size = key->size;
	next->value_size = entry->value_size;
	if (key->size > room)
		return -ERANGE;
	if (goalloc_copy_to_user(u64_to_user_ptr(next->key), key->bytes, key->size))
		return -EFAULT;
	next->cursor = (u64)entry->id + 1;
	return 0;
}

static int ioctl_next(void __user *arg)
{
	struct goalloc_kv_next next;
	struct kv_entry *entry;
	int err;

	if (copy_from_user(&next, arg, sizeof(next)))
		return -EFAULT;
	entry = next.cursor > U32_MAX ? NULL : kv_next(next.cursor);
	if (!entry)
		return -ENOENT;
	err = key_to_user(entry, &next);
	kv_entry_put(entry);
	if ((!err || err == -ERANGE) && copy_to_user(arg, &next, sizeof(next)))
		err = -EFAULT;
	return err;
}

static int ioctl_stat(void __user *arg)
{
	struct goalloc_kv_stat stat;
	int err;

	err = kv_stat(&stat);
	if (!err && copy_to_user(arg, &stat, sizeof(stat)))
		err = -EFAULT;
	return err;
}

static int ioctl_clear(void __user *arg)
{
	u64 deleted;
	int err;

	err = kv_clear(&deleted);
	if (!err && copy_to_user(arg, &deleted, sizeof(deleted)))
		err = -EFAULT;
	return err;
}

static long kv_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case GOALLOC_KV_PUT:
		return ioctl_put(uarg);
	case GOALLOC_KV_GET:
		return ioctl_get(uarg);
	case GOALLOC_KV_DELETE:
		return ioctl_delete(uarg);
	case GOALLOC_KV_NEXT:
		return ioctl_next(uarg);
	case GOALLOC_KV_STAT:
		return ioctl_stat(uarg);
	case GOALLOC_KV_CLEAR:
		return ioctl_clear(uarg);
	}
	return -ENOTTY;
}

static const struct file_operations kv_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = kv_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice kv_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "goalloc_kv",
	.fops = &kv_fops,
	.mode = 0600,
};

static int __init kv_init(void)
{
	int err;

	if (limit_mb < MIN_LIMIT_MB || limit_mb > MAX_LIMIT_MB) {
		pr_err("limit_mb=%u is not from %u to %lu\n", limit_mb, MIN_LIMIT_MB, MAX_LIMIT_MB);
		return -EINVAL;
	}
	err = kv_store_init((unsigned long)limit_mb * SZ_1M);
	if (err)
		return err;
	err = misc_register(&kv_dev);
	if (err)
		kv_store_exit();
	return err;
}

static void __exit kv_exit(void)
{
	misc_deregister(&kv_dev);
	kv_store_exit();
}

module_init(kv_init);
module_exit(kv_exit);

MODULE_DESCRIPTION("A key-value store in a heap of goalloc");
MODULE_LICENSE("GPL");
