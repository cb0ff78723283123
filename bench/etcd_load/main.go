// Load for etcd: so many writes or linearizable reads outstanding at a time, for some seconds.
//
// It prints one line of JSON: how many operations were answered, in how many seconds, and the latencies in
// microseconds below which half and 99 percent of them stayed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	keys        = 1000
	perClient   = 64 // workers that share a connection
	dialTimeout = 10 * time.Second
)

var (
	endpoints   = flag.String("endpoints", "", "addresses of the servers, with commas between")
	operation   = flag.String("operation", "write", "write or read")
	outstanding = flag.Int("outstanding", 1, "operations that wait for an answer at a time")
	seconds     = flag.Float64("seconds", 5, "how long")
	size        = flag.Int("size", 100, "bytes of a value")
)

type found struct {
	Operations int     `json:"operations"`
	Seconds    float64 `json:"seconds"`
	P50        float64 `json:"p50"`
	P99        float64 `json:"p99"`
}

func main() {
	flag.Parse()
	clients, err := dial()
	if err == nil {
		err = load(clients)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcd_load:", err)
		os.Exit(1)
	}
}

func dial() ([]*clientv3.Client, error) {
	leader, err := findLeader(strings.Split(*endpoints, ","))
	if err != nil {
		return nil, err
	}
	number := (*outstanding + perClient - 1) / perClient
	clients := make([]*clientv3.Client, number)
	for i := range clients {
		if clients[i], err = connect(leader); err != nil {
			return nil, err
		}
	}
	return clients, nil
}

func connect(endpoint string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: dialTimeout})
}

// The leader answers with one hop less than the others.
func findLeader(endpoints []string) (string, error) {
	for _, endpoint := range endpoints {
		client, err := connect(endpoint)
		if err != nil {
			return "", err
		}
		ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
		status, err := client.Status(ctx, endpoint)
		cancel()
		client.Close()
		if err == nil && status.Leader == status.Header.MemberId {
			return endpoint, nil
		}
	}
	return "", fmt.Errorf("none of %v leads", endpoints)
}

func load(clients []*clientv3.Client) error {
	value := strings.Repeat("x", *size)
	ctx := context.Background()
	for key := 0; key < keys; key++ {
		if _, err := clients[0].Put(ctx, name(key), value); err != nil {
			return err
		}
	}
	begun := time.Now()
	until := begun.Add(time.Duration(*seconds * float64(time.Second)))
	waited := make([][]time.Duration, *outstanding)
	failed := make([]error, *outstanding)
	var all sync.WaitGroup
	for worker := 0; worker < *outstanding; worker++ {
		all.Add(1)
		go func(worker int) {
			defer all.Done()
			client := clients[worker%len(clients)]
			for key := worker; time.Now().Before(until); key += *outstanding {
				asked := time.Now()
				var err error
				if *operation == "write" {
					_, err = client.Put(ctx, name(key%keys), value)
				} else {
					_, err = client.Get(ctx, name(key%keys))
				}
				if err != nil {
					failed[worker] = err
					return
				}
				waited[worker] = append(waited[worker], time.Since(asked))
			}
		}(worker)
	}
	all.Wait()
	took := time.Since(begun).Seconds()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return report(waited, took)
}

func name(key int) string {
	return fmt.Sprintf("key%d", key)
}

func report(waited [][]time.Duration, took float64) error {
	var sorted []time.Duration
	for _, each := range waited {
		sorted = append(sorted, each...)
	}
	if len(sorted) == 0 {
		return fmt.Errorf("nothing was answered")
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	at := func(part float64) float64 {
		return float64(sorted[int(part*float64(len(sorted)-1))].Microseconds())
	}
	return json.NewEncoder(os.Stdout).Encode(found{len(sorted), took, at(0.5), at(0.99)})
}
