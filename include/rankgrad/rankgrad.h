/* rankgrad.h: all of Rankgrad's public interface. */
#ifndef RANKGRAD_RANKGRAD_H
#define RANKGRAD_RANKGRAD_H

#include <rankgrad/autograd.h>
#include <rankgrad/base.h>
#include <rankgrad/batch.h>
#include <rankgrad/clicks.h>
#include <rankgrad/component.h>
#include <rankgrad/data.h>
#include <rankgrad/loss.h>
#include <rankgrad/metric.h>
#include <rankgrad/model.h>
#include <rankgrad/normalize.h>
#include <rankgrad/ops.h>
#include <rankgrad/optim.h>
#include <rankgrad/output.h>
#include <rankgrad/random.h>
#include <rankgrad/ranking.h>
#include <rankgrad/statistics.h>
#include <rankgrad/tensor.h>
#include <rankgrad/train.h>

#endif
