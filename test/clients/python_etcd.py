"""Exercises python-etcd against the server whose port is given; prints one line per thing that works."""

import sys
import threading
import time

import etcd

port = int(sys.argv[1])


def client(**options):
    return etcd.Client(host="127.0.0.1", port=port, **options)


c = client(read_timeout=10)


def works(name, claim):
    if not claim:
        raise AssertionError(name)
    print("ok", name, flush=True)


def fails(name, error, action):
    try:
        action()
    except error as e:
        works(name + ": " + str(e).splitlines()[0], True)
        return
    raise AssertionError(name + ": nothing was raised")


def after(seconds, action):
    timer = threading.Timer(seconds, action)
    timer.start()
    return timer


# Reads and writes
r = c.write("/p/a", "one")
works("write", r.action == "set" and r.value == "one" and r.newKey)
works("read", c.read("/p/a").value == "one")
works("in", "/p/a" in c and "/p/b" not in c)
r = c.set("/p/a", "two")
works("set again", not r.newKey and r._prev_node.value == "one")
works("etcd_index", c.read("/p/a").etcd_index == r.modifiedIndex)
works("unicode", c.write("/p/ü", "żółć €").value == "żółć €" and c.read("/p/ü").value == "żółć €")
r = c.read("/p/a")
r.value = "three"
works("update of a result", c.update(r).value == "three")
works("get", c.get("/p/a").value == "three")
fails("missing key", etcd.EtcdKeyNotFound, lambda: c.read("/p/none"))
fails("file as directory", etcd.EtcdNotDir, lambda: c.write("/p/a/b", "x"))
fails("directory as file", etcd.EtcdNotFile, lambda: c.write("/p", "x"))
fails("root", etcd.EtcdRootReadOnly, lambda: c.write("/", "x"))

# Directories
c.write("/p/dir", None, dir=True)
works("directory", c.read("/p/dir").dir)
for name in ("x", "y", "sub/z"):
    c.write("/p/dir/" + name, name)
listing = c.read("/p/dir", recursive=True, sorted=True)
works("leaves", [leaf.key for leaf in listing.leaves] == ["/p/dir/sub/z", "/p/dir/x", "/p/dir/y"])
fails("directory not empty", etcd.EtcdDirNotEmpty, lambda: c.delete("/p/dir", dir=True))
jobs = [c.write("/p/queue", "job%d" % i, append=True) for i in range(3)]
queue = c.read("/p/queue", sorted=True)
works("in-order keys", [n.value for n in queue.children] == ["job0", "job1", "job2"])
works("pop", c.pop(jobs[0].key).value == "job0" and jobs[0].key not in c)

# Conditions
works("prevValue", c.write("/p/a", "four", prevValue="three").value == "four")
works("test_and_set", c.test_and_set("/p/a", "five", "four").value == "five")
fails("prevValue refused", etcd.EtcdCompareFailed, lambda: c.write("/p/a", "x", prevValue="wrong"))
fails("prevExist=False refused", etcd.EtcdAlreadyExist, lambda: c.write("/p/a", "x", prevExist=False))
index = c.read("/p/a").modifiedIndex
works("prevIndex", c.write("/p/a", "six", prevIndex=index).value == "six")
fails("delete prevValue refused", etcd.EtcdCompareFailed, lambda: c.delete("/p/a", prevValue="wrong"))
works("delete prevValue", c.delete("/p/a", prevValue="six").action == "compareAndDelete")

# Lives
r = c.write("/p/ttl", "x", ttl=2)
works("ttl", r.ttl == 2)
r = c.refresh("/p/ttl", ttl=60)
works("refresh", 58 <= r.ttl <= 60 and c.read("/p/ttl").value == "x")
c.write("/p/short", "x", ttl=1)
works("expiry is watched", c.watch("/p/short", timeout=5).action == "expire" and "/p/short" not in c)

# Watches
after(0.3, lambda: client().write("/p/w", "now"))
works("watch", c.watch("/p/w", timeout=5).value == "now")
first = c.write("/p/w", "1").modifiedIndex
for i in range(2, 6):
    c.write("/p/w", str(i))
works("watch from an index", c.watch("/p/w", index=first).value == "1")
after(0.3, lambda: client().write("/p/tree/deep/key", "r"))
works("recursive watch", c.watch("/p/tree", recursive=True, timeout=5).key == "/p/tree/deep/key")
seen = []
for event in c.eternal_watch("/p/w", index=first):
    seen.append(event.value)
    if event.value == "5":
        break
works("eternal_watch", seen == ["1", "2", "3", "4", "5"])
fails("watch timeout", etcd.EtcdWatchTimedOut, lambda: c.watch("/p/quiet", timeout=1))
for i in range(1001):
    c.write("/p/history", str(i))
fails("cleared history", etcd.EtcdEventIndexCleared, lambda: c.watch("/p/w", index=first))

# Locks
lock = etcd.Lock(c, "held")
works("lock", lock.acquire(blocking=True, lock_ttl=30) and lock.is_acquired)
other = etcd.Lock(client(), "held")
works("lock is held", not other.acquire(blocking=False, lock_ttl=30))
after(0.5, lock.release)
works("lock is handed over", other.acquire(blocking=True, lock_ttl=30, timeout=5))
other.release()
with etcd.Lock(c, "held") as again:
    works("lock as context", again.is_acquired)
counter = {"holders": 0, "most": 0, "rounds": 0}


def contend():
    mine = etcd.Lock(client(), "contended")
    for _ in range(3):
        mine.acquire(blocking=True, lock_ttl=30)
        counter["holders"] += 1
        counter["most"] = max(counter["most"], counter["holders"])
        time.sleep(0.01)
        counter["holders"] -= 1
        counter["rounds"] += 1
        mine.release()


threads = [threading.Thread(target=contend) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(60)
works("lock under contention", counter["rounds"] == 12 and counter["most"] == 1)

# The cluster
works("version", c.version == "3.4.23" and c.cluster_version == "3.4.0")
works("machines", c.machines == ["http://127.0.0.1:%d" % port])
works("members", len(c.members) == 1)
works("leader", c.leader["name"] == "default")
works("stats", c.stats["state"] == "StateLeader" and c.store_stats["setsSuccess"] > 0 and c.leader_stats["followers"] == {})
works("delete recursive", c.delete("/p", recursive=True).action == "delete")
print("all of python-etcd", etcd.__version__ if hasattr(etcd, "__version__") else "", flush=True)
