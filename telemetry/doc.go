// Package telemetry owns what operators measure: sinks for the events of
// package mapae ([DogStatsD], [Prometheus], [Log]) and a store that times its
// calls ([Prometheus.Store]). It never decides anything, and what fails here
// never reaches a person who signs in.
//
// A sink's Notify is what mapae.Config.Notify takes; [Each] joins several:
//
//	metrics := telemetry.NewPrometheus()
//	registry.MustRegister(metrics)
//	auth, err := mapae.New(mapae.Config{
//		Store:  metrics.Store(store),
//		Notify: telemetry.Each(metrics.Notify, telemetry.Log(logger)),
//		…
//	})
//	site := web.New(auth, web.Config{Observe: metrics.Observe})
//
// Nothing that a client chooses becomes a label: every label has a bounded
// number of values, and what is beyond them is counted as "other". User IDs,
// addresses and names stay out of metrics altogether.
package telemetry
