// Exercises the Go client of the v2 API against the server whose URL is given; prints one line per thing that works.
// For https: the files of the server's authority, of a certificate and of its key.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"go.etcd.io/etcd/client"
)

func works(name string, claim bool) {
	if !claim {
		fmt.Println("FAILED", name)
		os.Exit(1)
	}
	fmt.Println("ok", name)
}

func must(name string, err error) {
	if err != nil {
		fmt.Println("FAILED", name+":", err)
		os.Exit(1)
	}
}

func hasCode(err error, code int) bool {
	e, isOurs := err.(client.Error)
	return isOurs && e.Code == code
}

func transport(files []string) client.CancelableTransport {
	if len(files) == 0 {
		return client.DefaultTransport
	}
	authority, err := os.ReadFile(files[0])
	must("authority", err)
	pool := x509.NewCertPool()
	works("authority", pool.AppendCertsFromPEM(authority))
	certificate, err := tls.LoadX509KeyPair(files[1], files[2])
	must("certificate", err)
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{certificate}},
	}
}

func main() {
	c, err := client.New(client.Config{
		Endpoints: []string{os.Args[1]},
		Transport: transport(os.Args[2:]),
		// Watchers too must see their headers within this.
		HeaderTimeoutPerRequest: time.Second,
	})
	must("new", err)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	must("sync", c.Sync(ctx))
	works("sync", len(c.Endpoints()) == 1 && c.Endpoints()[0] == os.Args[1])
	version, err := c.GetVersion(ctx)
	must("version", err)
	works("version "+version.Server, version.Server == "3.4.23")
	keys := client.NewKeysAPI(c)
	basics(ctx, keys)
	conditions(ctx, keys)
	lives(ctx, keys)
	watches(ctx, keys)
	members(ctx, c)
	_, err = keys.Delete(ctx, "/g", &client.DeleteOptions{Recursive: true, Dir: true})
	must("delete recursive", err)
	fmt.Println("all of the Go client")
}

func basics(ctx context.Context, keys client.KeysAPI) {
	r, err := keys.Set(ctx, "/g/a", "one", nil)
	must("set", err)
	works("set", r.Action == "set" && r.Node.Value == "one" && r.PrevNode == nil && r.Index > 0)
	r, err = keys.Get(ctx, "/g/a", &client.GetOptions{Quorum: true})
	must("get", err)
	works("get", r.Node.Value == "one" && r.ClusterID != "")
	r, err = keys.Update(ctx, "/g/a", "two")
	must("update", err)
	works("update", r.PrevNode.Value == "one" && r.Node.CreatedIndex < r.Node.ModifiedIndex)
	_, err = keys.Get(ctx, "/g/none", nil)
	works("missing key", client.IsKeyNotFound(err))
	_, err = keys.Set(ctx, "/g/dir", "", &client.SetOptions{Dir: true})
	must("directory", err)
	for i := 0; i < 3; i++ {
		_, err = keys.CreateInOrder(ctx, "/g/dir/queue", fmt.Sprint(i), nil)
		must("in order", err)
	}
	r, err = keys.Get(ctx, "/g/dir", &client.GetOptions{Recursive: true, Sort: true})
	must("listing", err)
	queue := r.Node.Nodes[0].Nodes
	works("in-order keys", len(queue) == 3 && queue[0].Value == "0" && queue[2].Value == "2")
	r, err = keys.Set(ctx, "/g/a", "three", &client.SetOptions{NoValueOnSuccess: true})
	must("no value on success", err)
	works("no value on success", r.Node == nil)
}

func conditions(ctx context.Context, keys client.KeysAPI) {
	_, err := keys.Create(ctx, "/g/c", "one")
	must("create", err)
	_, err = keys.Create(ctx, "/g/c", "one")
	works("create twice", hasCode(err, client.ErrorCodeNodeExist))
	r, err := keys.Set(ctx, "/g/c", "two", &client.SetOptions{PrevValue: "one"})
	must("swap", err)
	works("swap", r.Action == "compareAndSwap")
	_, err = keys.Set(ctx, "/g/c", "x", &client.SetOptions{PrevIndex: r.Node.ModifiedIndex - 1})
	works("swap refused", hasCode(err, client.ErrorCodeTestFailed))
	_, err = keys.Delete(ctx, "/g/c", &client.DeleteOptions{PrevValue: "x"})
	works("delete refused", hasCode(err, client.ErrorCodeTestFailed))
	r, err = keys.Delete(ctx, "/g/c", &client.DeleteOptions{PrevIndex: r.Node.ModifiedIndex})
	must("delete", err)
	works("delete", r.Action == "compareAndDelete")
}

func lives(ctx context.Context, keys client.KeysAPI) {
	r, err := keys.Set(ctx, "/g/ttl", "x", &client.SetOptions{TTL: 100 * time.Second})
	must("ttl", err)
	works("ttl", r.Node.TTL == 100 && time.Until(*r.Node.Expiration) > 95*time.Second)
	_, err = keys.Set(ctx, "/g/ttl", "", &client.SetOptions{TTL: 1 * time.Second, Refresh: true, PrevExist: client.PrevExist})
	must("refresh", err)
	r, err = keys.Watcher("/g/ttl", nil).Next(ctx)
	must("expiry", err)
	works("expiry", r.Action == "expire" && r.PrevNode.Value == "x")
}

func watches(ctx context.Context, keys client.KeysAPI) {
	r, err := keys.Set(ctx, "/g/w/0", "0", nil)
	must("set", err)
	watcher := keys.Watcher("/g/w", &client.WatcherOptions{AfterIndex: r.Node.ModifiedIndex, Recursive: true})
	go func() {
		for i := 1; i <= 200; i++ {
			if _, err := keys.Set(ctx, fmt.Sprintf("/g/w/%d", i%3), fmt.Sprint(i), nil); err != nil {
				must("set while watching", err)
			}
		}
	}()
	for i := 1; i <= 200; i++ {
		r, err = watcher.Next(ctx)
		must("next", err)
		if r.Node.Value != fmt.Sprint(i) {
			works(fmt.Sprintf("event %d is %s", i, r.Node.Value), false)
		}
	}
	works("watcher misses nothing", true)
	short, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
	defer cancel()
	_, err = keys.Watcher("/g/quiet", nil).Next(short)
	works("watch longer than the header timeout", err == context.DeadlineExceeded)
	for i := 0; i < 1001; i++ {
		_, err = keys.Set(ctx, "/g/history", "x", nil)
		must("set", err)
	}
	_, err = keys.Watcher("/g/w", &client.WatcherOptions{AfterIndex: 1}).Next(ctx)
	works("cleared history", hasCode(err, client.ErrorCodeEventIndexCleared))
}

func members(ctx context.Context, c client.Client) {
	list := client.NewMembersAPI(c)
	all, err := list.List(ctx)
	must("members", err)
	leader, err := list.Leader(ctx)
	must("leader", err)
	works("members", len(all) == 1 && all[0].ID == leader.ID && leader.Name == "default")
}
