module quorumlogload

go 1.22
