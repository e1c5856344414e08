"""The operators and the layer types that they are, family by family: `convcost.importers.families` says where."""
