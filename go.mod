module github.com/penstock-vpn/penstock

go 1.26.8
