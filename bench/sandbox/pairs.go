//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// pairs are measurements of the same work, without the sandbox and with it, one pair right
// after the other.
type pairs struct{ without, with []float64 }

func (p *pairs) add(v [2]float64) {
	p.without, p.with = append(p.without, v[0]), append(p.with, v[1])
}

func (p *pairs) ratios() []float64 {
	list := make([]float64, len(p.with))
	for i := range list {
		list[i] = p.with[i] / p.without[i]
	}
	return list
}

// ratio is the table's text of the pseudo-median and its interval.
func (p *pairs) ratio() string {
	low, high := p.interval()
	return fmt.Sprintf("%.4f | %.4f to %.4f", pseudoMedian(p.ratios()), low, high)
}

// resamples of the bootstrap; its seed is fixed, so that the same figures give the same
// interval.
const resamples = 4000

// interval is the 95 % interval of the pseudo-median of the ratios.
func (p *pairs) interval() (low, high float64) {
	ratios := p.ratios()
	rng := rand.New(rand.NewPCG(1, 2))
	medians, drawn := make([]float64, resamples), make([]float64, len(ratios))
	for i := range medians {
		for j := range drawn {
			drawn[j] = ratios[rng.IntN(len(ratios))]
		}
		medians[i] = pseudoMedian(drawn)
	}
	slices.Sort(medians)
	return medians[resamples/40], medians[resamples-1-resamples/40]
}

// pseudoMedian is the median of the means of all pairs of a list (Hodges and Lehmann,
// 1963): as little moved by outliers as the median, and nearly as sharp as the mean.
func pseudoMedian(list []float64) float64 {
	means := make([]float64, 0, len(list)*(len(list)+1)/2)
	for i, a := range list {
		for _, b := range list[i:] {
			means = append(means, (a+b)/2)
		}
	}
	return median(means)
}

// median of a list that is not empty; the list stays as it is.
func median(list []float64) float64 {
	s := slices.Sorted(slices.Values(list))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}
